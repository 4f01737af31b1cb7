// Writes openapi.yaml and openapi-public.yaml from the routes. Run by hand after a route has changed: `npm run openapi`; tests only compare.

import { writeFileSync } from 'node:fs';
import { describeApi, describePublic } from '../src/http/describe.ts';

writeFileSync(new URL('../openapi.yaml', import.meta.url), await describeApi());
writeFileSync(new URL('../openapi-public.yaml', import.meta.url), await describePublic());
