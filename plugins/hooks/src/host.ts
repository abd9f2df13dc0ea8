/** The host's functions in one place, with their errors made into exceptions that scripts can work with. */
import tokens from "hangar:auth/tokens@0.1.0";
import records from "hangar:collections/records@0.1.0";
import settings from "hangar:config/settings@0.1.0";
import digest from "hangar:crypto/digest@0.1.0";
import jwt from "hangar:crypto/jwt@0.1.0";
import password from "hangar:crypto/password@0.1.0";
import random from "hangar:crypto/random@0.1.0";
import client from "hangar:fetch/client@0.1.0";
import gate from "hangar:http/guard@0.1.0";
import next from "hangar:hooks/next@0.1.0";
import revisions from "hangar:kv/revisions@0.1.0";
import kv from "hangar:kv/store@0.1.0";
import logger from "hangar:log/logger@0.1.0";
import context from "hangar:plugin/context@0.1.0";
import query from "hangar:postgres/query@0.1.0";
import transactions from "hangar:postgres/transactions@0.1.0";
import broker from "hangar:realtime/broker@0.1.0";
import { HostError } from "./errors";

export { broker, client, context, digest, gate, jwt, kv, logger, next, password, query, random, records, revisions, settings, tokens, transactions };

/**
 * Calls a function of the host; what it refuses becomes a `HostError`. A value of a wrong type would end the instance,
 * so the callers convert what scripts give them; what is missing altogether is caught here.
 */
export function guard<A extends unknown[], R>(call: (...args: A) => R, ...args: A): R {
  for (const arg of args) if (arg === undefined) throw new TypeError("an argument is missing");
  try {
    return call(...args);
  } catch (error) {
    throw HostError.from(error);
  }
}
