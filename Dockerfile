# dmwake in a container: docker build -t dmwake . && docker run --rm dmwake test
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /dmwake .
# What the binary writes beside a configuration, and /tmp, have to be there.
RUN mkdir -p /rootfs/work /rootfs/tmp && chmod 1777 /rootfs/tmp

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /dmwake /dmwake
COPY --from=build --chown=65532:65532 /rootfs/ /
USER 65532:65532
WORKDIR /work
ENTRYPOINT ["/dmwake"]
CMD ["test"]
