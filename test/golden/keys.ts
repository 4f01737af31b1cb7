// Public keys that never change, so that what is built from them does not either. Their private keys were thrown away.

const spki = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));

/** SubjectPublicKeyInfo of two authorities and of two holders. */
export const FIXED_KEYS = {
  root: spki(
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqPuN1/6fP6iwLjPWjhUZ2596mSJhk0xkDVw84q5iUrniCWquD9DLiE77' +
      '/uQ2ZJTrhmgQU4108zrYFCzHwf4sg/P1hkPeLXwkX95zVBTUaQt19e+qU8TdWfsY49n0ZERZEc5tizB9223F8VDU+K0NNjXVREG6' +
      'gf4qZcP2EO+KCrHLEFBK7a44s5DL+ueeDBYC6nqF4tSrcxsKBbV31/3wbPs9Ujqd0crV8UMqZbfApKPou2Ww56GWfKHTFW9LAKdE' +
      'rCw1gEWRsKnFqhxhAIQWohYnnTSoOTbP1+PsAP97eNGpFX/j2SO8BYjgaBGclFF0A34BPApiLPRRUy7d9jf0fwIDAQAB',
  ),
  intermediate: spki(
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAvAJPFLH9ouVg4Z3FAaQZ73fTJmbccKs5baDyqUs3wJTSJf3iUbPowuFt' +
      'bkgHOU7IqhiLRbzo2JtbUfYjMB+Kld1lmLxRKtHSLgGrJBWe1gv4mrrtN5FPGu5dry5IeyrYF0P2CMUP/YhSuEossQqSYEttAUSS' +
      '2flOQM1SE3qUHGm9H1xH9M0EgrViHFCb6eY4Q2hhFT3rqd27XjLZyXBoWoTHocLf7ldOv9LhWlQeNDKFvXmPiVjl5QJka/yyhmtR' +
      'ruDMoNtscv91DNrOCh7zKp4I9fwFW9zz7jH32Bcz99pjsf/TnJrnIPjT7ptZt5J/zL9oOc+xp9P15sWTys60uQIDAQAB',
  ),
  rsa: spki(
    'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4TqsFwsgVa4fZ9uWFihB0NCSFzNrA+PvJTMgXUpIXBg8KJigY+I5LuEs' +
      'zs8jzONvsCIpT5al4j1UKb7nA8ip+8Y5SfP5AkNNPrDYDVUR90pZZefAykPHvJv+u++soUNxGYbZvhxDIWm/BxUrq4PFT4Txurb4' +
      'HOC323tYZNnPol9iJh+TtePziISwWOwMfxTo89ubSxOHLrTG7EOOLO5REaZitLlkU0QwVwjqkCpSy4G/yPgdjuW2D9/WpE8fNF6j' +
      '57OVdrQQiAvAjgoMVnVJIj3mYw+8jLA3X4gD5MCAcnypYi3RliwrXDYCj392kIRDUbrqqKCqARIqK/Nlp6EvAwIDAQAB',
  ),
  ec: spki(
    'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE7p+v5fy0mXcoRGidY4QUkBf4gCFBRXul8JR7h4oliZMllCie8ikBgNX4xJ8vuYsA' +
      'bKs5PM4Id3nS4xqmv1MvLw==',
  ),
};
