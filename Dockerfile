# Throughline's image: the static binary and what TLS needs, nothing else.
#
#   docker build --build-arg VERSION="$(git describe --tags --always)" -t throughline .
#
# The base images are arguments, so that a base made locally does as well:
# `make image` bootstraps one and builds with buildah where no engine runs.
ARG BUILD_BASE=docker.io/library/golang:1.26-bookworm
ARG RUNTIME_BASE=scratch

# Debian 12 with git, make and Go; the rest comes from the build's own list.
FROM ${BUILD_BASE} AS tools
WORKDIR /src
COPY Makefile ./
COPY make/install.sh make/
RUN command -v go && make install-build

FROM tools AS build
ARG GOPROXY
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN make VERSION="${VERSION}"

FROM ${RUNTIME_BASE}
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY LICENSE LICENSES /licenses/
COPY --from=build /src/bin/throughline /usr/local/bin/throughline
ENTRYPOINT ["/usr/local/bin/throughline"]
CMD ["run"]
