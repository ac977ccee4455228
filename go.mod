module github.com/dmwake/dmwake

go 1.26.8

require (
	github.com/beevik/etree v1.8.1
	github.com/elazarl/goproxy v1.9.2
	github.com/google/uuid v1.6.0
	github.com/gorilla/mux v1.8.1
	go.yaml.in/yaml/v3 v3.0.5
	pgregory.net/rapid v1.3.0
)

require (
	golang.org/x/net v0.56.0 // indirect
	golang.org/x/text v0.38.0 // indirect
)
