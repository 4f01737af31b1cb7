import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { InjectOptions } from 'fastify';
import { describe, expect, it, vi } from 'vitest';
import { Outage, Refusal, type RefusalCode } from '../../src/errors.ts';
import type { OrderCommand } from '../../src/ra/order-certificate.ts';
import { ACTOR, ask, expectInContract, VIEW } from './fake-use-cases.ts';

const CSR = '-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQA=\n-----END CERTIFICATE REQUEST-----\n';
const CSR_DER = Buffer.from('MAMCAQA=', 'base64');
const ORDER = { profile: 'serv-ssl', holder: { structure: '10B0000001' }, csr: CSR };
const URL = '/v1/certificates';
const PROFESSIONAL = { idNatPs: '899700075064', familyName: 'DURAND', givenName: 'Anne', profession: 10 };

/** Posts an order and answers what the use case was asked. */
async function order(request: Omit<InjectOptions, 'url' | 'method'> & { url?: string }) {
  const commands: OrderCommand[] = [];
  const response = await ask(
    { method: 'POST', url: URL, ...request },
    {
      orderCertificate: async (command) => {
        commands.push(command);
        return VIEW;
      },
    },
  );
  return { response, commands };
}

const json = (payload: string | object, headers: Record<string, string> = {}) =>
  order({
    payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
    headers: { 'content-type': 'application/json', ...headers },
  });

describe('an order in JSON', () => {
  it('becomes a command with the request in DER, and is answered 201 with location, chain and links', async () => {
    const names = { commonName: 'www.exemple.fr', dnsNames: ['www.exemple.fr', 'exemple.fr'] };
    const { response, commands } = await json({ ...ORDER, names });
    expect(commands).toEqual([{ ...ORDER, names, csr: new Uint8Array(CSR_DER), actor: ACTOR }]);
    expect(response.statusCode).toBe(201);
    expect(response.headers.location).toBe(`/v1/certificates/${VIEW.id}`);
    expectInContract('orderCertificate', response);
    expect(response.json()).toMatchObject({
      id: VIEW.id,
      certificate: '-----BEGIN CERTIFICATE-----\nMAEB\n-----END CERTIFICATE-----\n',
      chain: [expect.stringContaining('MAEC'), expect.stringContaining('MAED')],
      links: {
        self: `/v1/certificates/${VIEW.id}`,
        revocation: `/v1/certificates/${VIEW.id}/revocation`,
        ...VIEW.links,
      },
    });
  });

  it('may name a person of the structure, or mailboxes', async () => {
    const employee = {
      registryNumber: 'CPET0002',
      familyName: 'MARTIN',
      givenName: 'Paul',
      email: 'p.martin@exemple.fr',
    };
    const professional = PROFESSIONAL;
    for (const person of [{ employee }, { professional }, { employee, professional }]) {
      const holder = { structure: '10B0000001', ...person };
      const names = { emailAddresses: ['secretariat@exemple.fr'] };
      const { response, commands } = await json({ ...ORDER, holder, names });
      expect([response.statusCode, commands]).toMatchObject([201, [{ holder, names }]]);
    }
  });

  it('may name its charset when that is UTF-8', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/json;charset="UTF-8"', 'Application/JSON']) {
      expect((await json(ORDER, { 'content-type': type })).response.statusCode, type).toBe(201);
    }
  });

  it('with text that is no PKCS#10 request in PEM is refused', async () => {
    for (const csr of ['', 'MAMCAQA=', CSR.replace('REQUEST', 'X'), CSR + CSR]) {
      const { response, commands } = await json({ ...ORDER, csr });
      expect([response.statusCode, response.json().code], csr).toEqual([400, 'csr_malformed']);
      expect(commands).toEqual([]);
    }
  });

  it('has no query beside it', async () => {
    const { response } = await order({ url: `${URL}?profile=serv-ssl`, payload: ORDER });
    expect([response.statusCode, response.json().findings[0].at]).toEqual([400, 'query:/profile']);
  });
});

describe('row 13: JSON that does not follow the contract is 400 with a JSON pointer and nothing is coerced', () => {
  const { profile: _, ...withoutProfile } = ORDER;
  it.each([
    ['an unknown key', JSON.stringify({ ...ORDER, notAfter: '2099' }), '/notAfter'],
    ['an unknown key in an object', JSON.stringify({ ...ORDER, holder: { structure: '1', ca: true } }), '/holder/ca'],
    ['a missing key', JSON.stringify(withoutProfile), '/profile'],
    ['a duplicate key', JSON.stringify(ORDER).replace('{', '{"profile":"org-auth-cli",'), '/profile'],
    ['__proto__', JSON.stringify(ORDER).replace('{', '{"__proto__":{"profile":"x"},'), '/__proto__'],
    ['constructor', JSON.stringify(ORDER).replace('{', '{"constructor":{"prototype":{}},'), '/constructor'],
    ['1e400', JSON.stringify(ORDER).replace('{', '{"profile2":1e400,'), '/profile2'],
    [
      'deep nesting',
      JSON.stringify(ORDER).replace('{', `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)},`),
      `/a${'/0'.repeat(15)}`,
    ],
    ['a number for a string', JSON.stringify({ ...ORDER, profile: 1 }), '/profile'],
    ['null for an object', JSON.stringify({ ...ORDER, holder: null }), '/holder'],
    ['a string for a list', JSON.stringify({ ...ORDER, names: { dnsNames: 'a.fr' } }), '/names/dnsNames'],
    ['a number in a list', JSON.stringify({ ...ORDER, names: { dnsNames: ['a.fr', 7] } }), '/names/dnsNames/1'],
    ['a list for the body', '[]', ''],
    ['null for the body', 'null', ''],
    ['a lone surrogate', JSON.stringify(ORDER).replace('serv-ssl', '\\ud800'), '/profile'],
    ['NUL in an identifier', JSON.stringify({ ...ORDER, holder: { structure: '1\0' } }), '/holder/structure'],
    ['NUL in a profile', JSON.stringify({ ...ORDER, profile: 'serv\0' }), '/profile'],
    [
      'an employee without a name',
      JSON.stringify({ ...ORDER, holder: { ...ORDER.holder, employee: { registryNumber: '1', givenName: 'Paul' } } }),
      '/holder/employee/familyName',
    ],
    [
      'a profession in words',
      JSON.stringify({ ...ORDER, holder: { ...ORDER.holder, professional: { ...PROFESSIONAL, profession: '10' } } }),
      '/holder/professional/profession',
    ],
    [
      'the card of a professional',
      JSON.stringify({ ...ORDER, holder: { ...ORDER.holder, professional: { ...PROFESSIONAL, card: {} } } }),
      '/holder/professional/card',
    ],
    [
      'a string for mailboxes',
      JSON.stringify({ ...ORDER, names: { emailAddresses: 'a@b.fr' } }),
      '/names/emailAddresses',
    ],
    ['not JSON', '{', ''],
    ['nothing', '', ''],
  ])('%s', async (_name, payload, at) => {
    const { response, commands } = await json(payload);
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code]).toEqual([400, 'body_malformed']);
    expect(response.json().findings.map((finding: { at: string }) => finding.at)).toContain(at);
    expectInContract('orderCertificate', response);
  });

  it('a NUL in a name is left to the rules for names', async () => {
    const names = { commonName: 'www\0.exemple.fr' };
    expect((await json({ ...ORDER, names })).commands[0]?.names).toEqual(names);
  });

  it('lists at most twenty faults of a body that is all faults', async () => {
    const faults = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`k${index}`, index]));
    const { response } = await json(faults);
    expect(response.json().findings).toHaveLength(20);
  });
});

describe('an order as application/pkcs10', () => {
  const url = `${URL}?profile=serv-ssl&structure=10B0000001`;
  const headers = { 'content-type': 'application/pkcs10' };

  it('hands the DER on untouched, with profile and structure from the query', async () => {
    const { response, commands } = await order({ url, headers, payload: CSR_DER });
    expect(response.statusCode).toBe(201);
    expect(commands).toEqual([
      { profile: 'serv-ssl', holder: { structure: '10B0000001' }, csr: CSR_DER, actor: ACTOR },
    ]);
  });

  it.each([
    ['without profile', `${URL}?structure=10B0000001`, 'query:/profile'],
    ['without structure', `${URL}?profile=serv-ssl`, 'query:/structure'],
    ['with an unknown parameter', `${url}&validity=9`, 'query:/validity'],
    ['with a parameter twice', `${url}&profile=org-auth-cli`, 'query:/profile'],
    ['with a NUL', `${URL}?profile=serv-ssl&structure=1%00`, 'query:/structure'],
  ])('%s is refused', async (_, badUrl, at) => {
    const { response, commands } = await order({ url: badUrl, headers, payload: CSR_DER });
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code, response.json().findings[0].at]).toEqual([
      400,
      'body_malformed',
      at,
    ]);
  });
});

describe('row 3: every other content type and every charset trick is 415', () => {
  it.each([
    'text/plain',
    'text/json',
    'application/jsonp',
    'application/json-patch+json',
    'application/problem+json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16le',
    'application/json; charset=iso-8859-1',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; charset=utf-8,text/plain',
    'application/json, text/plain',
    'application/json; profile=x',
    'application/json;',
    'application/pkcs10; charset=utf-8',
    'application/json\u00a0',
    'application',
    '*/*',
  ])('%s', async (type) => {
    const { response, commands } = await json(ORDER, { 'content-type': type });
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code]).toEqual([415, 'media_type_not_supported']);
    expectInContract('orderCertificate', response);
  });

  it('a body without a content type, and no body at all', async () => {
    expect((await order({ payload: Buffer.from('{}') })).response.statusCode).toBe(415);
    expect((await order({})).response.statusCode).toBe(415);
  });

  it('a compressed body', async () => {
    expect((await json(ORDER, { 'content-encoding': 'gzip' })).response.statusCode).toBe(415);
  });
});

describe('row 2: a body over the limit is 413', () => {
  it.each(['application/json', 'application/pkcs10'])('%s of 256 KiB and one byte', async (type) => {
    const payload = Buffer.alloc(256 * 1024 + 1, 0x20);
    const { response, commands } = await order({ payload, headers: { 'content-type': type } });
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code]).toEqual([413, 'body_too_large']);
    expectInContract('orderCertificate', response);
  });

  it('a body for a path that does not exist is not read', async () => {
    const payload = Buffer.alloc(256 * 1024 + 1, 0x20);
    const { response } = await order({ url: '/v1/nothing', payload, headers: { 'content-type': 'application/json' } });
    expect([response.statusCode, response.json().code]).toEqual([404, 'not_found']);
  });

  it('a body of exactly the limit is read', async () => {
    const text = JSON.stringify(ORDER);
    expect((await json(text + ' '.repeat(256 * 1024 - text.length))).response.statusCode).toBe(201);
  });
});

describe('row 16: Idempotency-Key', () => {
  const digestOf = async (request: Parameters<typeof order>[0]) =>
    (await order(request)).commands[0]?.idempotency?.bodyDigest;
  const keyed = (payload: string | Buffer, type = 'application/json', url = URL) =>
    digestOf({ url, payload, headers: { 'content-type': type, 'idempotency-key': 'k' } });
  const text = JSON.stringify(ORDER);

  it('reaches the use case with the SHA-256 of method, target, media type and body', async () => {
    const { commands } = await json(text, { 'idempotency-key': 'order 7/2026' });
    const expected = createHash('sha256').update(`POST\0${URL}\0application/json\0${text}`).digest();
    expect(commands[0]?.idempotency).toEqual({ key: 'order 7/2026', bodyDigest: expected });
  });

  it('is absent when the caller sent none', async () => {
    expect((await json(ORDER)).commands[0]).not.toHaveProperty('idempotency');
  });

  it('has the same digest for the same bytes, whatever the case and charset of the content type', async () => {
    expect(await keyed(text, 'Application/JSON; charset=utf-8')).toEqual(await keyed(text));
  });

  it('has another digest for other bytes, another query or another media type', async () => {
    const first = `${URL}?profile=serv-ssl&structure=10B0000001`;
    const digests = [
      await keyed(text),
      await keyed(`${text} `),
      await keyed(CSR_DER, 'application/pkcs10', first),
      await keyed(CSR_DER, 'application/pkcs10', first.replace('serv-ssl', 'org-auth-cli')),
    ];
    expect(new Set(digests.map((digest) => Buffer.from(digest ?? []).toString('hex'))).size).toBe(4);
  });

  it.each([
    ['empty', ''],
    ['of 256 characters', 'k'.repeat(256)],
    ['with a control character', 'a\tb'],
    ['with a letter beyond ASCII', 'cl\u00e9'],
  ])('that is %s is refused', async (_, key) => {
    const { response, commands } = await json(ORDER, { 'idempotency-key': key });
    expect(commands).toEqual([]);
    expect([response.statusCode, response.json().code]).toEqual([400, 'idempotency_key_malformed']);
  });

  it.each([
    ['idempotency_key_reused', 422, undefined],
    ['idempotency_key_in_progress', 409, '2'],
  ] as const)('%s is answered %i', async (code, status, retryAfter) => {
    const response = await ask(
      { method: 'POST', url: URL, payload: ORDER },
      { orderCertificate: () => Promise.reject(new Refusal(code, 'no')) },
    );
    expect([response.statusCode, response.json().code, response.headers['retry-after']]).toEqual([
      status,
      code,
      retryAfter,
    ]);
    expectInContract('orderCertificate', response);
  });
});

describe('what the use case refuses', () => {
  const statuses: [RefusalCode, number][] = [
    ['csr_malformed', 400],
    ['csr_signature_invalid', 422],
    ['key_weak', 422],
    ['name_not_allowed', 422],
    ['profile_not_orderable', 422],
    ['not_allowed', 403],
  ];
  it.each(statuses)('%s is answered %i with every finding', async (code, status) => {
    const findings = [
      { rule: 'RFC 2986 §4.1', at: 'certificationRequestInfo @ 4', detail: 'wrong', remedy: 'mend it' },
    ];
    const response = await ask(
      { method: 'POST', url: URL, payload: ORDER },
      { orderCertificate: () => Promise.reject(new Refusal(code, 'because', findings)) },
    );
    expect(response.statusCode).toBe(status);
    expect(response.json()).toMatchObject({ code, status, type: `/problems/${code}`, reason: 'because', findings });
    expectInContract('orderCertificate', response);
  });

  it('an outage is 503 with Retry-After and nothing about the part that is away', async () => {
    const outage = new Outage('hsm', 'CKR_DEVICE_ERROR on slot 7', { signature: 'unknown' });
    const response = await ask(
      { method: 'POST', url: URL, payload: ORDER },
      { orderCertificate: () => Promise.reject(outage) },
    );
    expect([response.statusCode, response.json().code, response.headers['retry-after']]).toEqual([
      503,
      'service_unavailable',
      '10',
    ]);
    expect(response.body).not.toMatch(/hsm|CKR|slot/i);
    expectInContract('orderCertificate', response);
  });
});

it('an order whose body came long after its headers is refused with the rights of then', async () => {
  const started = performance.now();
  const clock = vi.spyOn(performance, 'now').mockReturnValue(started);
  let revoked = false;
  let [askedWho, orders] = [0, 0];
  async function* late() {
    // the headers are read by now
    clock.mockReturnValue(started + 5_000);
    revoked = true;
    yield JSON.stringify(ORDER);
  }
  try {
    const response = await ask(
      { method: 'POST', url: URL, headers: { 'content-type': 'application/json' }, payload: Readable.from(late()) },
      {
        findActor: async () => {
          askedWho += 1;
          if (revoked) throw new Refusal('client_certificate_refused', 'revoked');
          return ACTOR;
        },
        orderCertificate: async () => {
          orders += 1;
          return VIEW;
        },
      },
    );
    expect([response.statusCode, askedWho, orders]).toEqual([401, 2, 0]);
  } finally {
    clock.mockRestore();
  }
});
