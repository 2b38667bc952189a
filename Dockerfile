FROM node:22-bookworm-slim AS base
WORKDIR /app
COPY package.json package-lock.json ./

FROM base AS build
RUN npm ci
COPY tsconfig.json ./
COPY .config .config
COPY prisma prisma
COPY src src
# Prisma warns about missing OpenSSL, which only its engines need; none is used.
RUN npm run build

FROM base AS dependencies
RUN npm ci --omit=dev

FROM node:22-bookworm-slim
WORKDIR /app
# "tidemark demo" reads the Markdown files.
COPY package.json README.md CHANGELOG.md ./
COPY prisma/migrations prisma/migrations
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
ENV NODE_ENV=production HOST=0.0.0.0 DATA_DIR=/data
RUN install --directory --owner=node --group=node --mode=700 /data
VOLUME /data
USER node
EXPOSE 4000
HEALTHCHECK --interval=5s --timeout=5s --start-period=30s \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT || 4000}/healthz`).then((r) => process.exit(+!r.ok))"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["serve"]
