// GET /problems/{code}: what the `type` of a problem document points at.

import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Refusal } from '../errors.ts';
import { PROBLEMS } from './problem-texts.ts';
import { closed, json, problems } from './schemas.ts';

const ProblemCodeParams = Type.Object(
  { code: Type.String({ description: 'The `code` of a problem.', examples: ['key_weak'] }) },
  closed,
);

const Wording = Type.Object({ title: Type.String(), detail: Type.String() }, closed);
const ProblemType = Type.Object({ code: Type.String(), status: Type.Integer(), fr: Wording, en: Wording }, closed);

const findSchema = {
  operationId: 'findProblemType',
  tags: ['problems'],
  summary: 'Explain a kind of problem',
  description:
    'The meaning of a problem code in French and English, with its HTTP status. Needs no client certificate.',
  params: ProblemCodeParams,
  response: { 200: json('The meaning of the code.', ProblemType), ...problems(404, 429) },
};

export function problemTypeRoutes(app: FastifyInstance): void {
  const kinds = new Map(Object.entries(PROBLEMS));
  app.get<{ Params: Static<typeof ProblemCodeParams> }>(
    '/problems/:code',
    { schema: findSchema },
    async function findProblemType(request) {
      const { code } = request.params;
      const kind = kinds.get(code);
      if (kind === undefined) throw new Refusal('not_found', 'there is no such problem code');
      return { code, status: kind.status, fr: kind.fr, en: kind.en };
    },
  );
}
