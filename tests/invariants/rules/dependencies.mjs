// Who may depend on whom. A crate of the host may use only what is listed; a new crate must be added here, with thought.
const LAYERS = {
  "hangar-core": [],
  "hangar-wit": ["hangar-core"],
  "hangar-wasm": ["hangar-core"],
  "hangar-plugins": ["hangar-core", "hangar-wasm", "hangar-wit"],
  // The server enforces the policy that plugins set through the capability.
  "hangar-http": ["hangar-core", "hangar-guard", "hangar-plugins"],
};

/** One per capability: they use the shared types and never one another. */
const CAPABILITIES = ["hangar-config", "hangar-crypto", "hangar-fetch", "hangar-files", "hangar-guard", "hangar-kv", "hangar-log", "hangar-postgres", "hangar-realtime", "hangar-unserved"];
for (const name of CAPABILITIES) LAYERS[name] = ["hangar-core", "hangar-wit"];

/** Knows nothing of Hangar at all. */
LAYERS["hangar-cluster"] = [];

/** The binary wires everything. */
const WIRING = "hangar";

/** Crate outside of the workspace → the crates of ours that may use it. */
const HOMES = {
  wasmtime: ["hangar", "hangar-wit", "hangar-wasm", "hangar-plugins", ...CAPABILITIES],
  "wasmtime-wasi": ["hangar-plugins"],
  "tokio-postgres": ["hangar", "hangar-postgres", "hangar-cluster", "bench-floor"],
  "postgres-types": ["hangar-postgres"],
  reqwest: ["hangar-fetch"],
  axum: ["hangar-http", "bench-floor"],
  jsonwebtoken: ["hangar-crypto", "bench-floor"],
  sqlx: [],
};

const ofHost = ({ folder }) => folder.startsWith("host/");

export function capabilitiesStandAlone(repository) {
  const own = new Set(repository.crates().map(({ name }) => name));
  return repository.crates().filter(ofHost).flatMap(({ name, dependencies }) => {
    if (name === WIRING) return [];
    const allowed = LAYERS[name];
    if (!allowed) return [`${name} is new: say in tests/invariants/rules/dependencies.mjs what it may depend on`];
    return dependencies.filter((dependency) => own.has(dependency) && !allowed.includes(dependency))
      .map((dependency) => `${name} depends on ${dependency}; it may use ${allowed.join(", ") || "none of ours"}. The crate hangar wires`);
  });
}

export function hostKnowsNoPlugin(repository) {
  const outside = new Map(repository.crates().filter((crate) => !ofHost(crate)).map(({ name, folder }) => [name, folder]));
  return repository.crates().filter(ofHost).flatMap(({ name, dependencies }) =>
    dependencies.filter((dependency) => outside.has(dependency))
      .map((dependency) => `${name} depends on ${dependency} in ${outside.get(dependency)}: the host runs any component`));
}

export function driversStayHome(repository) {
  return repository.crates().flatMap(({ name, dependencies }) =>
    dependencies.filter((dependency) => HOMES[dependency] && !HOMES[dependency].includes(name))
      .map((dependency) => `${name} uses ${dependency}, which belongs in ${HOMES[dependency].join(", ") || "no crate"}`));
}
