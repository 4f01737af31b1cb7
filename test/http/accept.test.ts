import { describe, expect, it } from 'vitest';
import { preferredLanguage, preferredMediaType } from '../../src/http/accept.ts';

const OFFERS = ['application/json', 'application/pkix-cert', 'application/pkcs7-mime; smime-type=certs-only'] as const;
const [JSON_TYPE, PKIX, PKCS7] = OFFERS;

describe('Accept', () => {
  it.each([
    ['no field', undefined, JSON_TYPE],
    ['an empty field', '', JSON_TYPE],
    ['anything', '*/*', JSON_TYPE],
    ['any application type', 'application/*', JSON_TYPE],
    ['an exact type', 'application/pkix-cert', PKIX],
    ['an exact type in capitals', 'Application/PKIX-Cert', PKIX],
    ['the higher quality', 'application/json;q=0.5, application/pkix-cert;q=0.8', PKIX],
    ['our order when qualities are equal', 'application/pkix-cert, application/json', JSON_TYPE],
    ['the exact range before the wildcard', '*/*;q=1, application/json;q=0.1', PKIX],
    ['the type range before anything', 'text/html, application/*;q=0.2, */*;q=0.9', JSON_TYPE],
    ['a type without its parameter', 'application/pkcs7-mime', PKCS7],
    ['a type with its parameter', 'application/pkcs7-mime; smime-type="certs-only"', PKCS7],
    ['an element that cannot be read is passed over', 'application/json;q=high, application/pkix-cert', PKIX],
    ['a comma inside quotes separates nothing', 'text/x;a="b, application/json", application/pkix-cert', PKIX],
  ])('%s', (_, accept, expected) => {
    expect(preferredMediaType(accept, OFFERS)).toBe(expected);
  });

  it.each([
    ['another type', 'text/html'],
    ['quality zero', 'application/json;q=0'],
    ['a refusal of everything', '*/*;q=0'],
    ['a parameter that we do not offer', 'application/pkcs7-mime; smime-type=enveloped-data'],
    ['a field that cannot be read', ';;q'],
  ])('%s is not acceptable', (_, accept) => {
    expect(preferredMediaType(accept, OFFERS)).toBeUndefined();
  });

  it('the most exact range decides even when it refuses', () => {
    expect(preferredMediaType('application/*, application/json;q=0', OFFERS)).toBe(PKIX);
  });
});

describe('Accept-Language', () => {
  it.each([
    [undefined, 'fr'],
    ['', 'fr'],
    ['*', 'fr'],
    ['de', 'fr'],
    ['en', 'en'],
    ['en-GB', 'en'],
    ['fr-CH, en;q=0.9', 'fr'],
    ['en, fr;q=0.9', 'en'],
    ['de, en;q=0.5', 'en'],
    ['en;q=0', 'fr'],
    ['english', 'fr'],
  ])('%s is answered in %s', (field, language) => {
    expect(preferredLanguage(field)).toBe(language);
  });
});

describe('a field beyond 500 characters', () => {
  it.each([
    ['of quotes', '"'.repeat(8_000)],
    ['of commas', ','.repeat(8_000)],
    ['that ends in a preference', `${'text/x, '.repeat(1_000)}application/pkix-cert`],
  ])('%s says nothing', (_, field) => {
    expect(preferredMediaType(field, OFFERS)).toBe(JSON_TYPE);
    expect(preferredLanguage(`${field}, en`)).toBe('fr');
  });

  it('is not needed: a quote that is never closed hides what follows it, and nothing more', () => {
    expect(preferredMediaType(`application/pkix-cert, text/x;a=${'"'.repeat(401)}, application/json`, OFFERS)).toBe(
      PKIX,
    );
  });
});
