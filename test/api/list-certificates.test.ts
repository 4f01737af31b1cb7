import type { InjectOptions } from 'fastify';
import { describe, expect, it } from 'vitest';
import { Outage, Refusal } from '../../src/errors.ts';
import type { CertificateSummaryView } from '../../src/ra/certificate-view.ts';
import type { ListQuery } from '../../src/ra/list-certificates.ts';
import { ACTOR, ask, expectInContract, REVOKED, rowsOf, VIEW } from './fake-use-cases.ts';

const URL = '/v1/certificates';
/** The cursor behind VIEW. */
const CURSOR = 'AZjypF1OfDGbei8dPEtaaQ';

/** Asks for a list; answers what the use case was asked as well. */
async function list(query = '', more: Omit<InjectOptions, 'url'> = {}, next?: string) {
  const queries: (ListQuery & { limit?: number })[] = [];
  const page = { certificates: [VIEW, REVOKED], ...(next === undefined ? {} : { next }) };
  const response = await ask(
    { url: `${URL}${query}`, ...more },
    {
      listCertificates: async (asked) => {
        queries.push(asked);
        return page;
      },
      extractCertificates: async (asked) => {
        queries.push(asked);
        return { ...page, certificates: rowsOf(page.certificates) };
      },
    },
  );
  return { response, queries };
}

describe('a page of the list', () => {
  it('has the certificates without their bytes, in the order of the use case', async () => {
    const { response, queries } = await list();
    expect(queries).toMatchObject([{ actor: ACTOR, limit: 50 }]);
    expect(queries[0]).not.toHaveProperty('after');
    expect(response.statusCode).toBe(200);
    expectInContract('listCertificates', response);
    const { certificates, links } = response.json();
    expect(certificates).toMatchObject([
      { id: VIEW.id, state: 'issued', keyDigest: VIEW.keyDigest, links: { self: `${URL}/${VIEW.id}` } },
      { state: 'revoked', revocation: REVOKED.revocation },
    ]);
    expect(response.body).not.toContain('BEGIN CERTIFICATE');
    expect(links).toEqual({ self: URL });
    expect(response.headers).not.toHaveProperty('link');
  });

  it('tells where the next one is, in its links and in the Link header, with the same filter', async () => {
    const { response } = await list('?profile=serv-ssl&limit=2&createdTo=2026-11-21T10:00:00%2B01:00', {}, VIEW.id);
    const { next, self } = response.json().links;
    expect(self).toBe(`${URL}?profile=serv-ssl&limit=2&createdTo=2026-11-21T10%3A00%3A00%2B01%3A00`);
    expect(next).toBe(`${self}&cursor=${CURSOR}`);
    expect(response.headers.link).toBe(`<${next}>; rel="next"`);
    const following = await list(next.slice(URL.length));
    expect(following.queries).toMatchObject([{ after: VIEW.id, limit: 2, filter: { profile: 'serv-ssl' } }]);
    expect(following.queries[0]?.filter.created).toEqual({ to: new Date('2026-11-21T09:00:00Z') });
  });

  it('is narrowed down by everything that is asked for, serials and digests read as bytes', async () => {
    const serial = '5f:0C:9d:1b:3a:7e:42:68';
    const { queries } = await list(
      `?structure=10B0000001&holder=30B0057881/CPET0002&serial=${serial}&key=${'Ab'.repeat(32)}&state=expired&notBeforeFrom=2026-01-01&notAfterTo=2027-01-01T00:00:00.5Z`,
    );
    expect(queries[0]?.filter).toMatchObject({
      structure: '10B0000001',
      holder: '30B0057881/CPET0002',
      serial: Buffer.from('5f0c9d1b3a7e4268', 'hex'),
      key: Buffer.alloc(32, 0xab),
      state: 'expired',
      notBefore: { from: new Date('2026-01-01T00:00:00Z') },
      notAfter: { to: new Date('2027-01-01T00:00:00.500Z') },
    });
  });

  it('answers HEAD without a body', async () => {
    const { response } = await list('', { method: 'HEAD' });
    expect([response.statusCode, response.body]).toEqual([200, '']);
  });

  it('of a structure that is not theirs is refused to an administrator with the rule and its place', async () => {
    const finding = { rule: 'r', at: 'query:/structure', detail: 'not among yours' };
    const response = await ask(`${URL}?structure=1`, {
      listCertificates: () => Promise.reject(new Refusal('not_allowed', 'no', [finding])),
    });
    expect([response.statusCode, response.json().findings]).toEqual([403, [finding]]);
    expectInContract('listCertificates', response);
  });
});

describe('row 13: a query that does not follow the contract is 400 with its place, and nothing is looked up', () => {
  it.each([
    ['an unknown parameter', 'order=asc', '/order'],
    ['a parameter of another spelling', 'Profile=serv-ssl', '/Profile'],
    ['a parameter twice', 'profile=serv-ssl&profile=org-sign', '/profile'],
    ['the same parameter twice, once encoded', 'profile=serv-ssl&%70rofile=serv-ssl', '/profile'],
    ['an array in brackets', 'profile[]=serv-ssl', '/profile[]'],
    ['__proto__', '__proto__=1', '/__proto__'],
    ['constructor', 'constructor=1', '/constructor'],
    ['an empty value', 'profile=', '/profile'],
    ['an unknown state', 'state=burnt', '/state'],
    ['SQL', "holder=x' or '1'='1", '/holder'],
    ['NUL', 'holder=1%00', '/holder'],
    ['a serial that is not hexadecimal', 'serial=xyz', '/serial'],
    ['half an octet', 'serial=5f0c9d1b3a7e426', '/serial'],
    ['a digest of another length', 'key=abcd', '/key'],
    ['a limit of none', 'limit=0', '/limit'],
    ['a limit beyond the largest', 'limit=101', '/limit'],
    ['a limit that is no number', 'limit=many', '/limit'],
    ['a cursor of another length', 'cursor=AAAA', '/cursor'],
    ['a cursor with unused bits set', `cursor=${CURSOR.slice(0, -1)}R`, '/cursor'],
    ['a date in another form', 'createdFrom=21/11/2026', '/createdFrom'],
    ['a moment without its zone', 'createdFrom=2026-11-21T10:00:00', '/createdFrom'],
    ['a plus that is not encoded', 'createdFrom=2026-11-21T10:00:00+01:00', '/createdFrom'],
    ['a day that no calendar has', 'createdTo=2026-02-30', '/createdTo'],
    ['an hour that no clock has', 'notAfterTo=2026-11-21T25:00:00Z', '/notAfterTo'],
  ])('%s', async (_, query, at) => {
    const { response, queries } = await list(`?${query}`);
    expect(queries).toEqual([]);
    expect([response.statusCode, response.json().code]).toEqual([400, 'body_malformed']);
    expect(response.json().findings.map((finding: { at: string }) => finding.at)).toContain(`query:${at}`);
    expectInContract('listCertificates', response);
  });
});

const accepting = (accept: string) => ({ headers: { accept } });

describe('an extract', () => {
  it('in NDJSON has one certificate a line', async () => {
    const { response, queries } = await list('?state=issued', accepting('application/x-ndjson'));
    expect(response.headers['content-type']).toBe('application/x-ndjson');
    const lines = response.body.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ id: VIEW.id }, { state: 'revoked' }]);
    expect(queries).toMatchObject([{ actor: ACTOR, filter: { state: 'issued' } }]);
    expect(response.headers['content-disposition']).toBe('attachment; filename="certificates.ndjson"');
  });

  it('in CSV has a header line, a record for each certificate, and every field in quotes', async () => {
    const { response } = await list('', accepting('text/csv'));
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8; header=present');
    const [head, first, second, end] = response.body.split('\r\n');
    expect(head).toMatch(/^"id","profile","state","issuer","serial","subject","structure","holder","keyDigest",/);
    expect(first).toContain(`"${VIEW.id}","serv-ssl","issued",`);
    expect(second).toMatch(/"2026-11-21T14:03:07.000Z","superseded"$/);
    expect(end).toBe('');
    expectInContract('listCertificates', response);
  });

  it('that ends at its bound tells where the next one begins', async () => {
    const { response } = await list('?profile=serv-ssl', accepting('text/csv'), VIEW.id);
    expect(response.headers.link).toBe(`<${URL}?profile=serv-ssl&cursor=${CURSOR}>; rel="next"`);
  });

  it('of very many certificates is whole', async () => {
    async function* many(): AsyncGenerator<CertificateSummaryView> {
      for (let n = 0; n < 12_345; n += 1) yield VIEW;
    }
    const response = await ask(
      { url: URL, ...accepting('application/x-ndjson') },
      { extractCertificates: async () => ({ certificates: many() }) },
    );
    expect(response.body.match(/\n/g)).toHaveLength(12_345);
  });

  it('of nothing is a header line in CSV, and nothing in NDJSON', async () => {
    const none = { extractCertificates: async () => ({ certificates: rowsOf([]) }) };
    const csv = await ask({ url: URL, ...accepting('text/csv') }, none);
    const ndjson = await ask({ url: URL, ...accepting('application/x-ndjson') }, none);
    expect([csv.body.split('\r\n').length, ndjson.statusCode, ndjson.body]).toEqual([2, 200, '']);
  });

  it('that cannot begin is a problem, like a page', async () => {
    const response = await ask(
      { url: URL, ...accepting('text/csv') },
      { extractCertificates: () => Promise.reject(new Outage('database', 'gone')) },
    );
    expect([response.statusCode, response.headers['content-type']]).toEqual([503, 'application/problem+json']);
  });

  it('that cannot go on breaks off, so that nobody takes it for whole', async () => {
    async function* broken(): AsyncGenerator<CertificateSummaryView> {
      for (let n = 0; n < 250; n += 1) yield VIEW;
      throw new Outage('database', 'gone');
    }
    const answer = ask(
      { url: URL, ...accepting('text/csv') },
      { extractCertificates: async () => ({ certificates: broken() }) },
    );
    await expect(answer).rejects.toThrow();
  });

  it('is one of four at most that an administrator has under way; then there is room again', async () => {
    const gate = Promise.withResolvers<void>();
    async function* waiting(): AsyncGenerator<CertificateSummaryView> {
      await gate.promise;
      yield VIEW;
    }
    const slow = { extractCertificates: async () => ({ certificates: waiting() }) };
    const csv = { url: URL, ...accepting('text/csv') };
    const begun = Array.from({ length: 4 }, () => ask(csv, slow));
    const fifth = await ask(csv, slow);
    expect([fifth.statusCode, fifth.json().code, fifth.headers['retry-after']]).toEqual([429, 'rate_limited', '10']);
    expectInContract('listCertificates', fifth);
    expect((await ask(URL)).statusCode).toBe(200);
    gate.resolve();
    expect((await Promise.all(begun)).map(({ statusCode }) => statusCode)).toEqual([200, 200, 200, 200]);
    for (let n = 0; n < 5; n += 1) expect((await ask(csv)).statusCode).toBe(200);
    for (let n = 0; n < 5; n += 1) expect((await ask({ ...csv, method: 'HEAD' })).statusCode).toBe(200);
  });

  it('asks who its reader is again, as often as the use case wants to know', async () => {
    let times = 0;
    const response = await ask(
      { url: URL, ...accepting('text/csv') },
      {
        findActor: async () => {
          times += 1;
          return ACTOR;
        },
        extractCertificates: async ({ again }) => {
          expect(await again()).toEqual(ACTOR);
          return { certificates: rowsOf([VIEW]) };
        },
      },
    );
    expect([response.statusCode, times]).toEqual([200, 2]);
  });

  it('has no pages: a limit is 400', async () => {
    const { response } = await list('?limit=10', accepting('text/csv'));
    expect([response.statusCode, response.json().findings[0].at]).toEqual([400, 'query:/limit']);
  });

  it('in another format is 406', async () => {
    const { response, queries } = await list('', accepting('application/vnd.ms-excel'));
    expect([response.statusCode, queries]).toEqual([406, []]);
    expectInContract('listCertificates', response);
  });
});

describe('row 12: what is legal in a name is escaped for its medium', () => {
  const extract = async (subject: string, accept: string) =>
    (
      await ask(
        { url: URL, ...accepting(accept) },
        { extractCertificates: async () => ({ certificates: rowsOf([{ ...VIEW, subject }]) }) },
      )
    ).body;
  const csvOf = async (subject: string) => (await extract(subject, 'text/csv')).split('\r\n').slice(1).join('\r\n');

  it.each([
    ['a formula', '=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['a sum', '+1+1', `"'+1+1"`],
    ['a difference', '-2+3', `"'-2+3"`],
    ['a function', '@SUM(A1)', `"'@SUM(A1)"`],
    ['a tab before a formula', '\t=1', `"'\t'=1"`],
    ['a carriage return before a formula', '\r=1', `"'\r'=1"`],
    ['a full-width sign', '＝1', `"'＝1"`],
    ['a formula behind the separator of another country', 'CN=a;=1+1', `"CN=a;'=1+1"`],
    ['a formula behind a line', 'CN=a\n@x', `"CN=a\n'@x"`],
    ['quotes', 'O="A, B"', `"O=""A, B"""`],
    ['an attempt to leave the field', 'x","=1', `"x"",""=1"`],
    ['SQL and HTML', "Robert'); DROP TABLE <b>", `"Robert'); DROP TABLE <b>"`],
  ])('%s in CSV', async (_, subject, field) => {
    expect(await csvOf(subject)).toContain(`,${field},`);
  });

  it('a line feed, quotes and separators of lines stay within one line of NDJSON', async () => {
    const subject = 'CN=a\n{"id":"x"}\r\u2028\u2029"';
    const body = await extract(subject, 'application/x-ndjson');
    expect(body.split(/\n/)).toHaveLength(2);
    expect(JSON.parse(body).subject).toBe(subject);
  });
});
