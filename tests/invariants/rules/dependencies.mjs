// Who may depend on whom. A crate of the host may use only what is listed; a new crate must be added here, with thought.
const LAYERS = {
  "hangar-core": [],
  "hangar-wit": ["hangar-core"],
  "hangar-wasm": ["hangar-core"],
  // Forms as they arrive; the server fills them, calls carry them, the store takes files from them.
  "hangar-uploads": ["hangar-core"],
  "hangar-plugins": ["hangar-core", "hangar-cron", "hangar-uploads", "hangar-wasm", "hangar-wit"],
  // The server enforces the policy that plugins set through the capability.
  "hangar-http": ["hangar-core", "hangar-guard", "hangar-plugins", "hangar-telemetry", "hangar-uploads"],
};

/** One per capability: they use the shared types and never one another. */
const CAPABILITIES = ["hangar-backup", "hangar-config", "hangar-crypto", "hangar-fetch", "hangar-files", "hangar-guard", "hangar-kv", "hangar-log", "hangar-mail", "hangar-operator", "hangar-postgres", "hangar-sqlite", "hangar-telemetry", "hangar-unserved"];
for (const name of CAPABILITIES) LAYERS[name] = ["hangar-core", "hangar-wit"];
LAYERS["hangar-files"].push("hangar-uploads");

/** Know nothing of Hangar at all. */
LAYERS["hangar-cluster"] = [];
LAYERS["hangar-cron"] = [];

/** The binary wires everything. */
const WIRING = "hangar";

/** Crate outside of the workspace → the crates of ours that may use it. */
const HOMES = {
  wasmtime: ["hangar", "hangar-wit", "hangar-wasm", "hangar-plugins", ...CAPABILITIES],
  "wasmtime-wasi": ["hangar-plugins"],
  "tokio-postgres": ["hangar", "hangar-postgres", "hangar-telemetry", "hangar-cluster", "bench-floor"],
  "postgres-types": ["hangar-postgres"],
  lettre: ["hangar-mail"],
  // In hangar-files only to choose the TLS of the S3 client.
  reqwest: ["hangar-fetch", "hangar-files"],
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
