package dmwake

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// The version of k6-operator that the manifest is checked against: the newest one in
// the module proxy, with its sum.
const (
	operator    = "github.com/grafana/k6-operator@v1.5.0"
	operatorSum = "h1:rtEbUefalu1Es7IrKe/bQxSN2xACG8WIOXx6OLsRLK4="
)

// crd is the schema of a TestRun. Like the API server it rejects unknown properties.
func crd(t *testing.T) *jsonschema.Schema {
	t.Helper()
	cmd := exec.Command("go", "mod", "download", "-json", operator)
	cmd.Dir = t.TempDir()
	raw, err := cmd.Output()
	var m struct{ Dir, Sum string }
	if err != nil || json.Unmarshal(raw, &m) != nil {
		t.Fatalf("%s: %v %s", operator, err, raw)
	}
	if m.Sum != operatorSum {
		t.Fatalf("%s has the sum %s", operator, m.Sum)
	}
	file, err := os.ReadFile(filepath.Join(m.Dir, "config/crd/bases/k6.io_testruns.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var def struct {
		Spec struct {
			Versions []struct {
				Name   string
				Schema struct {
					OpenAPI map[string]any `yaml:"openAPIV3Schema"`
				}
			}
		}
	}
	if err := yaml.Unmarshal(file, &def); err != nil || len(def.Spec.Versions) != 1 || def.Spec.Versions[0].Name != "v1alpha1" {
		t.Fatal(err, len(def.Spec.Versions))
	}
	schema := def.Spec.Versions[0].Schema.OpenAPI
	seal(schema)
	delete(schema["properties"].(map[string]any)["metadata"].(map[string]any), "additionalProperties")
	c := jsonschema.NewCompiler()
	if err := c.AddResource("testrun.json", plain(t, schema)); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("testrun.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// seal forbids unknown properties, and allows integers and strings where the schema
// says int-or-string.
func seal(schema map[string]any) {
	if p, ok := schema["properties"].(map[string]any); ok {
		if _, set := schema["additionalProperties"]; !set {
			schema["additionalProperties"] = false
		}
		for _, v := range p {
			seal(v.(map[string]any))
		}
	}
	if schema["x-kubernetes-int-or-string"] == true {
		delete(schema, "pattern")
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if v, ok := schema[key].(map[string]any); ok {
			seal(v)
		}
	}
}

// plain converts a value to plain JSON types.
func plain(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	out, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// manifest returns the documents of testrun.yaml.
func manifest(t *testing.T) (docs []map[string]any) {
	t.Helper()
	raw, err := os.ReadFile("testrun.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(raw))
	for {
		var d map[string]any
		err := dec.Decode(&d)
		if errors.Is(err, io.EOF) {
			return docs
		}
		if err != nil {
			t.Fatal(err)
		}
		docs = append(docs, d)
	}
}

// TestManifest: the TestRun is valid, and the script reads all variables that it sets.
func TestManifest(t *testing.T) {
	schema := crd(t)
	docs := manifest(t)
	if len(docs) != 2 || docs[0]["kind"] != "TestRun" || docs[1]["kind"] != "Service" {
		t.Fatalf("%d documents", len(docs))
	}
	if err := schema.Validate(plain(t, docs[0])); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(spec map[string]any){
		"an unknown property": func(s map[string]any) { s["runner"].(map[string]any)["img"] = "x" },
		"a wrong type":        func(s map[string]any) { s["parallelism"] = "three" },
		"a missing property":  func(s map[string]any) { delete(s, "script") },
	} {
		bad := manifest(t)[0]
		spoil(bad["spec"].(map[string]any))
		if schema.Validate(plain(t, bad)) == nil {
			t.Errorf("%s: the check passes", name)
		}
	}
	spec := docs[0]["spec"].(map[string]any)
	runner := spec["runner"].(map[string]any)
	script, err := os.ReadFile("wake.js")
	if err != nil {
		t.Fatal(err)
	}
	known := string(script) + "DMWAKE_PASSWORD DMWAKE_TOKEN_KEY DMWAKE_WNS_LISTEN POD_IP K6_FEATURES K6_PROMETHEUS_RW_SERVER_URL K6_NO_USAGE_REPORT K6_AUTO_EXTENSION_RESOLUTION"
	values := map[string]any{}
	for _, e := range runner["env"].([]any) {
		m := e.(map[string]any)
		values[m["name"].(string)] = m["value"]
		if !strings.Contains(known, m["name"].(string)) {
			t.Errorf("nobody reads %s", m["name"])
		}
	}
	if n := spec["parallelism"]; values["INSTANCES"] != "3" || n != 3 {
		t.Errorf("parallelism %v, INSTANCES %v", n, values["INSTANCES"])
	}
	label := runner["metadata"].(map[string]any)["labels"].(map[string]any)["dmwake.dev/part"]
	if docs[1]["spec"].(map[string]any)["selector"].(map[string]any)["dmwake.dev/part"] != label {
		t.Error("the service does not select the pods")
	}
}

// TestImage: the Dockerfile meets what the operator and the licence require.
func TestImage(t *testing.T) {
	text := map[string]string{}
	for _, name := range []string{"Dockerfile", "NOTICE", "go.mod", "../../go.mod", "testrun.yaml", "README.md"} {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text[name] = string(raw)
	}
	version := ""
	for _, line := range strings.Split(text["../../go.mod"], "\n") {
		if v, ok := strings.CutPrefix(line, "go "); ok {
			version = v
		}
	}
	for name, want := range map[string][]string{
		"Dockerfile": {"FROM golang:" + version + " AS build", "FROM alpine:", "/usr/bin/k6", "USER 12345", "harness/k6/NOTICE"},
		"NOTICE":     {"AGPL-3.0", "Apache License 2.0"}, "go.mod": {"go " + version, "go.k6.io/k6/v2 v2.2.0", "replace github.com/dmwake/dmwake => ../.."},
		"testrun.yaml": {"/dmwake/wake.js"}, "README.md": {"AGPL"},
	} {
		for _, w := range want {
			if !strings.Contains(text[name], w) {
				t.Errorf("%s has no %q", name, w)
			}
		}
	}
	if strings.Contains(text["../../go.mod"], "go.k6.io") {
		t.Error("the root module needs k6")
	}
	cmd := exec.Command("go", "list", "-deps", "./...")
	cmd.Dir = "../.."
	if raw, err := cmd.Output(); err != nil || strings.Contains(string(raw), "go.k6.io") {
		t.Errorf("the root module's packages need k6: %v", err)
	}
}
