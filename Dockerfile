# ollama-proxy as a container image: docs/docker.md
#
#   docker build -t ollama-proxy .                          compiles it (5 minutes or so)
#   docker build -t ollama-proxy --build-arg SOURCE=files .   takes artifacts/image/<architecture>/ollama-proxy, as releases do
#   docker build -t ollama-with-proxy --target with-ollama .  Ollama's image with the proxy inside, in place of ollama/ollama

ARG SOURCE=compiled
ARG OLLAMA_IMAGE=ollama/ollama:0.34.2

FROM mcr.microsoft.com/dotnet/sdk:10.0-noble AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends binutils gcc libc6-dev npm zlib1g-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN ./build.sh publish && mv artifacts/publish/*/ollama-proxy /

FROM scratch AS compiled
COPY --from=build /ollama-proxy /ollama-proxy

FROM scratch AS files
# amd64 or arm64; BuildKit sets it.
ARG TARGETARCH
COPY artifacts/image/${TARGETARCH}/ollama-proxy /ollama-proxy

FROM ${SOURCE} AS executable
# An empty folder for the user below, because the last stage has no shell to create one.
WORKDIR /data

# Ollama's own image, where the proxy takes the port and starts Ollama. User, paths and ports stay, so charts and commands for ollama/ollama work with it.
FROM ${OLLAMA_IMAGE} AS with-ollama
COPY --from=executable /ollama-proxy /usr/local/bin/ollama-proxy
# The records are beside the models, where a volume usually is.
ENV PROXY_HOST=0.0.0.0 \
    ANALYTICS_DIR=/root/.ollama/analytics
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["/usr/local/bin/ollama-proxy", "status", "--check"]
ENTRYPOINT ["/usr/local/bin/ollama-proxy"]
CMD ["serve"]

# The C library, TLS (for an Ollama behind https) and root certificates; no shell, no package manager. tests/ContainerTests runs this stage.
FROM mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled
COPY --from=executable /ollama-proxy /usr/local/bin/ollama-proxy
COPY --from=executable --chown=1654:1654 /data /data
ENV PROXY_HOST=0.0.0.0 \
    OLLAMA_BACKEND_URL=http://ollama:11434 \
    ANALYTICS_DIR=/data
# A read-only container may have no other place for temporary files.
WORKDIR /data
VOLUME /data
USER 1654:1654
EXPOSE 11434
HEALTHCHECK --interval=30s --timeout=5s --start-period=15s CMD ["/usr/local/bin/ollama-proxy", "status", "--check"]
ENTRYPOINT ["/usr/local/bin/ollama-proxy"]
