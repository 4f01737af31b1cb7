// Shapes are checked by Ajv in the dialect of the contract (JSON Schema 2020-12), strictly: nothing is coerced, filled in or
// removed in a body. Only the query, which knows no types, is coerced. What Ajv finds becomes findings with JSON pointers.

import { Ajv2020, type AnySchema, type ErrorObject } from 'ajv/dist/2020.js';
import type { FastifyInstance } from 'fastify';
import type { Finding } from '../errors.ts';
import { pointerStep } from './json.ts';
import { MAX_FINDINGS } from './limits.ts';

type ValidationError = Error & { validation: readonly ErrorObject[]; validationContext?: string };

/** Makes this server check what its schemas say, and send what its handlers return unchanged. */
export function validateStrictly(app: FastifyInstance): void {
  const strict = new Ajv2020({ strict: true, allErrors: true });
  const query = new Ajv2020({ strict: true, allErrors: true, coerceTypes: true });
  app.setValidatorCompiler<AnySchema>(({ schema, httpPart }) =>
    httpPart === 'querystring' ? query.compile(schema) : strict.compile(schema),
  );
  // answers are built field by field in the adapters and held to the contract by tests; nothing is left to strip
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
}

export const isValidationError = (error: Error): error is ValidationError =>
  'validation' in error && Array.isArray(error.validation);

/** Ajv's errors as findings; a pointer into the query begins with `query:`. */
export function validationFindings(error: ValidationError): Finding[] {
  const prefix = error.validationContext === 'querystring' ? 'query:' : '';
  return error.validation.slice(0, MAX_FINDINGS).map((fault) => ({
    rule: `openapi.yaml ${fault.keyword}`,
    at: prefix + fault.instancePath + faultyStep(fault),
    detail: fault.message ?? 'does not follow the contract',
  }));
}

/** The member that is missing or one too many; Ajv points at the object around it. */
function faultyStep({ params }: ErrorObject): string {
  const member = params.missingProperty ?? params.additionalProperty;
  return typeof member === 'string' ? pointerStep(member) : '';
}
