# The bot alone, in an empty image: one static binary, certificates, time zones, no shell, no root.
#
#   make image                                        (docker or podman)
#   docker run --rm -v "$PWD/config.yaml:/etc/integritybot/config.yaml:ro" --env-file secrets.env integritybot:...

FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
# STATIC=1 links the C library, too: the parser of SQL checks is C, and an empty image has no C library.
RUN make build STATIC=1 VERSION="$VERSION" \
    && if ldd bin/integritybot; then echo "bin/integritybot needs shared libraries" >&2; exit 1; fi \
    && mkdir -p /image/tmp /image/etc/ssl/certs \
    && chmod 1777 /image/tmp \
    && cp bin/integritybot /image/integritybot \
    && cp LICENSE /image/LICENSE \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    && cp "$(go env GOROOT)/lib/time/zoneinfo.zip" /image/zoneinfo.zip

FROM scratch
COPY --from=build /image/ /
# Go finds time zones here (package time); the image has no /usr/share/zoneinfo.
ENV ZONEINFO=/zoneinfo.zip
# A number, so that Kubernetes can see that it is not root (runAsNonRoot).
USER 65532:65532
ENTRYPOINT ["/integritybot"]
CMD ["run", "--config", "/etc/integritybot/config.yaml"]
