package verify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
)

// Server is a Prometheus server.
type Server struct{ api v1.API }

// NewServer returns the server at http://HOST:PORT.
func NewServer(address string) (*Server, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not the address of a Prometheus, such as http://127.0.0.1:9090", address)
	}
	c, err := api.NewClient(api.Config{Address: address})
	if err != nil {
		return nil, err
	}
	return &Server{v1.NewAPI(c)}, nil
}

// Vector implements Prometheus.
func (s *Server) Vector(ctx context.Context, query, label string, at time.Time) (map[string]float64, error) {
	v, _, _, err := s.api.Query(ctx, query, at)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err // without the query
		}
		return nil, fmt.Errorf("Prometheus does not answer: %w", err)
	}
	vector, ok := v.(model.Vector)
	if !ok {
		return nil, fmt.Errorf("Prometheus answered with a %s instead of a vector", v.Type())
	}
	out := map[string]float64{}
	for _, sample := range vector {
		out[string(sample.Metric[model.LabelName(label)])] += float64(sample.Value)
	}
	return out, nil
}
