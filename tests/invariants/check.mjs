#!/usr/bin/env node
// Checks the architecture invariants that a program can check; docs/architecture.md states them all.
//
//   node tests/invariants/check.mjs
//
// Each rule is a function of the repository that answers a list of violations, one line each: what, where, why it
// matters. Exceptions stand in `allow.mjs`, each with its reason; one that is no longer needed is a violation too.
import { Repository } from "./repository.mjs";
import { capabilitiesStandAlone, driversStayHome, hostKnowsNoPlugin } from "./rules/dependencies.mjs";
import { limitsTable, linksLead, mapIsComplete, readmeCode, variablesExist } from "./rules/documents.mjs";
import { crateDocs, fileLength, sandbox, unsafeCode } from "./rules/files.mjs";
import { licences } from "./rules/licences.mjs";
import { contractShapes, packagesAreBuilt, probesExist } from "./rules/contract.mjs";
import { hostWords } from "./rules/words.mjs";

const RULES = {
  "host crates know only the layers below them": capabilitiesStandAlone,
  "nothing under host/ depends on a plugin or an SDK": hostKnowsNoPlugin,
  "drivers and engines are used only where they belong": driversStayHome,
  "the host speaks no PocketBase": hostWords,
  "unsafe code stands only where it is explained": unsafeCode,
  "WASI gives a guest nothing but clocks, randomness and a log": sandbox,
  "every crate says what it is": crateDocs,
  "no file is longer than 500 lines": fileLength,
  "every WIT package is named right and built with the SDK": packagesAreBuilt,
  "the contract's frozen shapes": contractShapes,
  "every export the host probes for is in the contract": probesExist,
  "the limits in docs/architecture.md are those of the code": limitsTable,
  "the code map has every crate and folder": mapIsComplete,
  "variables and flags in the README are those of the code": variablesExist,
  "the code in the README is code that is tested": readmeCode,
  "links between documents lead somewhere": linksLead,
  "licences of dependencies fit deny.toml": licences,
};

const repository = new Repository();
let failures = 0;
for (const [name, rule] of Object.entries(RULES)) {
  const violations = rule(repository);
  console.log(`${violations.length === 0 ? "ok  " : "FAIL"}  ${name}`);
  for (const violation of violations) console.log(`        ${violation}`);
  failures += violations.length;
}
if (failures > 0) console.error(`${failures} violation(s)`);
process.exitCode = failures > 0 ? 1 : 0;
