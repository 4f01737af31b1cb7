// What reaches a log.

import { describe, expect, it } from 'vitest';
import { Outage } from '../src/errors.ts';
import { errorFacts } from '../src/log.ts';

describe('errorFacts', () => {
  it('never says the message of an error, however many lines it has', () => {
    const error = new Error('insert failed\n    at params: Camille DEMONSTRATION\n    at 899700075064:1:1');
    expect(JSON.stringify(errorFacts(error))).not.toMatch(/insert|Camille|8997/);
  });

  it('says class, code and place', () => {
    const error = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    const facts = errorFacts(error);
    expect(facts).toMatchObject({ error: 'Error', code: 'ECONNREFUSED' });
    expect(JSON.stringify(facts.stack)).toContain('log.test.ts');
  });

  it('says of an outage what is away, and the same of its cause', () => {
    const cause = Object.assign(new Error('secret'), { code: '57P01' });
    expect(errorFacts(new Outage('database', 'secret', { cause }))).toMatchObject({
      what: 'database',
      cause: { code: '57P01' },
    });
  });
});
