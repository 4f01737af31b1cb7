// What reaches a log.

import { describe, expect, it } from 'vitest';
import { loadConfig } from '../src/config.ts';
import { Outage } from '../src/errors.ts';
import { createLog, errorFacts } from '../src/log.ts';

describe('a line', () => {
  const lineOf = (...said: Parameters<ReturnType<typeof createLog>['info']>): string => {
    let text = '';
    const write = (line: string): void => {
      text += line;
    };
    createLog(loadConfig({}), 'signer ocsp', { write }).info(...said);
    return text;
  };

  it('names its role and its process', () => {
    expect(JSON.parse(lineOf('started'))).toMatchObject({ role: 'signer ocsp', pid: process.pid, msg: 'started' });
  });

  it.each(['pin', 'password', 'holder', 'subject', 'names', 'familyName', 'email', 'nationalId', 'headers', 'url'])(
    'shows nothing of a field %s, at the top or one below',
    (name) => {
      expect(lineOf({ [name]: 'SECRET' }, 'x')).not.toContain('SECRET');
      expect(lineOf({ order: { [name]: 'SECRET' } }, 'x')).not.toContain('SECRET');
    },
  );

  it.each(['err', 'error'])('shows of a whole error under %s its facts, never its message', (name) => {
    const line = lineOf({ [name]: new TypeError('SECRET') }, 'x');
    expect(line).toContain('TypeError');
    expect(line).not.toContain('SECRET');
  });

  it('shows of an error that is the whole event its facts too', () => {
    const log = lineOf(new TypeError('SECRET'), 'x');
    expect(log).not.toContain('SECRET');
  });
});

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
