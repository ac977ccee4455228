# dmwake in a container: docker build -t dmwake . && docker run --rm dmwake test
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
# A release gives its number.
ARG VERSION=""
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w -X github.com/dmwake/dmwake/harness/report.release=$VERSION" -o /dmwake .
# What the binary writes beside a configuration, and /tmp, have to be there.
RUN mkdir -p /rootfs/work /rootfs/tmp && chmod 1777 /rootfs/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /dmwake /dmwake
COPY --from=build --chown=65532:65532 /rootfs/ /
USER 65532:65532
WORKDIR /work
# lab, mdm and what runs for long write this file; the health check reads it.
ENV DMWAKE_READY=/tmp/dmwake-ready.json
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["/dmwake", "health"]
ENTRYPOINT ["/dmwake"]
CMD ["test"]
