// How drizzle-kit writes the next migration: `npx drizzle-kit generate --name <what>`. It never touches a database.

import { defineConfig } from 'drizzle-kit';

export default defineConfig({ dialect: 'postgresql', schema: './db/schema/*.ts', out: './db/migrations' });
