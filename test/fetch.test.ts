import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fetchBounded } from '../src/fetch.ts';
import { freePort } from './helpers/service.ts';

const server = createServer((request, response) => {
  if (request.url === '/never') return;
  if (request.url === '/moved') response.writeHead(302, { location: '/' });
  response.end(Buffer.alloc(100));
});
let url: string;
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const BOUNDS = { deadlineMs: 5_000, maxBytes: 100 };

test('an answer as large as it may be is an answer, one byte more is none', async () => {
  expect(await fetchBounded({ url, ...BOUNDS })).toMatchObject({ status: 200, body: { length: 100 } });
  expect(await fetchBounded({ url, ...BOUNDS, maxBytes: 99 })).toEqual({ fault: 'more than 99 bytes' });
});

test('a redirection is the answer, and is not followed', async () => {
  expect(await fetchBounded({ url: `${url}/moved`, ...BOUNDS })).toMatchObject({ status: 302 });
});

test('who is silent is given up, and who is not there is said to be so', async () => {
  expect(await fetchBounded({ url: `${url}/never`, ...BOUNDS, deadlineMs: 200 })).toEqual({
    fault: 'no answer within 200 ms',
  });
  expect(await fetchBounded({ url: `http://127.0.0.1:${await freePort()}`, ...BOUNDS })).toEqual({
    fault: 'no whole answer (ECONNREFUSED)',
  });
});
