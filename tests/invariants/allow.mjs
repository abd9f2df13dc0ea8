// Exceptions, each with its reason.

/** Longer than 500 lines: path → reason. */
export const LONG_FILES = {};

/** `unsafe` outside of tests: path → reason. */
export const UNSAFE = {
  "host/hangar-wasm/src/cache.rs": "loading compiled code is unsafe by nature; the file says why it may",
  "plugins/collections/src/files/serve.rs": "a Content-Security-Policy speaks of 'unsafe-inline'",
  "plugins/transfer/src/backups/files.rs": "as above",
  "sdk-rust/src/manifest.rs": "`#[unsafe(link_section)]` is how a custom section is made",
};

/**
 * PocketBase's words in the host: path → [what is allowed there, why]. The expression must match the whole line with the
 * word on it.
 */
export const WORDS = {
  "host/hangar-plugins/src/links.rs": [/./, "links the service interface hangar:collections/records for other plugins"],
  "host/hangar-plugins/src/exports.rs": [/hangar:collections\/records@/, "probes the exports of hangar:collections/records"],
  "host/hangar-plugins/src/graph.rs": [/./, "keeps which plugin provides hangar:collections/records; a route in a test"],
  "host/hangar-plugins/src/manifest.rs": [/\/\/\/ .*(say|Words of the command)/, "examples in documentation"],
  "host/hangar-cron/src/lib.rs": [/^\/\/! .*clients of PocketBase/, "says whose sentences the errors are"],
  "host/hangar-crypto/src/jwt.rs": [/let claims = r#"/, "the claims of a token in a test"],
  "host/hangar-cluster/tests/lifecycle.rs": [/SUPERUSER|must .*superuser|"superuser"/, "PostgreSQL's word for what the login role is not"],
  "host/hangar-http/src/cors.rs": [/^\/\/! CORS as PocketBase does it/, "says whose behaviour the constants follow"],
  "host/hangar-http/src/bodies.rs": [/^\/\/\/ .*as in PocketBase/, "says where a constant comes from"],
  "host/hangar-uploads/src/sniff/data.rs": [/FeatureCollection|GeometryCollection/, "types of GeoJSON"],
  "host/hangar-uploads/src/sniff/signatures.rs": [/font\/collection/, "a type of fonts"],
  "host/hangar-http/src/server.rs": [/\/\/\/ Marks a response/, "says why only static files are compressed"],
  "host/hangar-http/src/files.rs": [/\/\/\/ .*pb_public/, "says whose behaviour it follows"],
  "host/hangar-postgres/src/ordered.rs": [/^\/\/! /, "says which other order of keys it agrees with"],
  "host/hangar/src/serve.rs": [/first superuser|hangar superuser create/, "tells the newcomer what the command of a plugin is"],
  "host/hangar/src/cli.rs": [/\.about\("A PocketBase-compatible|default: \.\/pb_/, "help text and default folders, so that a PocketBase project starts as it is"],
  "host/hangar/src/settings.rs": [/"\.\/pb_(hooks|public)"/, "default folders, so that a PocketBase project starts as it is"],
  "host/hangar/build.rs": [/const SHIPPED/, "names of the components that are embedded"],
};

/** Dependencies whose licence field cannot be read as an expression: name → the expression that holds. */
export const LICENCES = {};
