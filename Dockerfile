# One image for every role; which one it is, as whom it runs and what it may reach is in docker-compose.yml. It holds no compiler,
# no test and no secret, and nothing in it has to be written while it runs.
#
# Never built so far: no machine of the project has a container engine. Its steps have been taken by hand on Debian 12.

FROM node:24.21.0-bookworm-slim AS packages
# pkcs11js is compiled on the spot
RUN apt-get update && apt-get install -y --no-install-recommends python3 make g++ && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/igc-sante
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev

FROM node:24.21.0-bookworm-slim
# SoftHSM is for TEST hierarchies; with hardware its vendor's module takes this place. openssl is for the people in a ceremony.
RUN apt-get update && apt-get install -y --no-install-recommends libsofthsm2 openssl && rm -rf /var/lib/apt/lists/* \
  && install -d -m 0755 /run/igc-sante/sockets /var/lib/igc-sante/hierarchy /etc/igc-sante \
  && install -d -m 0700 -o 10001 -g 10001 /var/lib/igc-sante/api \
  && install -d -m 0700 -o 10004 -g 10004 /var/lib/igc-sante/issuing \
  && install -d -m 0700 -o 10005 -g 10005 /var/lib/igc-sante/ocsp \
  && install -d -m 0700 /var/lib/igc-sante/root
WORKDIR /opt/igc-sante
COPY --from=packages /opt/igc-sante/node_modules ./node_modules
COPY package.json ./
COPY policies ./policies
COPY db ./db
COPY hsm ./hsm
COPY src ./src
COPY scripts ./scripts
COPY deploy ./deploy
COPY deploy/softhsm2 /etc/igc-sante/softhsm2
ENV NODE_ENV=production
# whoever forgets to say as whom it runs gets nobody
USER 65534:65534
ENTRYPOINT ["node"]
CMD ["src/main.ts"]
