// GET /livez and GET /readyz, for supervisors and load balancers, without a client certificate. They say which part is away,
// never why: the reason is in the log.

import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { keptForASecond } from '../kept.ts';
import { closed, json, problems } from './schemas.ts';
import type { Readiness } from './use-cases.ts';

const Ready = Type.Object(
  {
    ready: Type.Boolean({ description: 'Whether requests can be served now.' }),
    checks: Type.Array(Type.Object({ name: Type.String({ examples: ['database'] }), ok: Type.Boolean() }, closed), {
      description:
        'The parts that this process needs. One that is not ok while `ready` is true makes it degraded, not useless.',
    }),
  },
  closed,
);

const liveSchema = {
  operationId: 'livez',
  tags: ['health'],
  summary: 'Is the process alive?',
  description: 'Answers as long as the process does; asks nothing else. Needs no client certificate.',
  response: { 200: json('It is.', Type.Object({ alive: Type.Literal(true) }, closed)), ...problems(429) },
};

const readySchema = {
  operationId: 'readyz',
  tags: ['health'],
  summary: 'Can the process serve requests?',
  description: 'Asks the parts that requests depend on, once a second at most. Needs no client certificate.',
  response: {
    200: json('It can.', Ready),
    ...problems(429),
    503: json('It cannot for now; `checks` names the part that is away.', Ready),
  },
};

export function healthRoutes(app: FastifyInstance, useCases: { readiness(): Promise<Readiness> }): void {
  const readiness = keptForASecond(() => useCases.readiness());
  app.get('/livez', { schema: liveSchema }, async function livez() {
    return { alive: true };
  });
  app.get('/readyz', { schema: readySchema }, async function readyz(_request, reply) {
    const { ready, checks } = await readiness();
    return reply.code(ready ? 200 : 503).send({ ready, checks: checks.map(({ name, ok }) => ({ name, ok })) });
  });
}
