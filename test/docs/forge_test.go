package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

// readYAML decodes a file below .github into v.
func readYAML(t *testing.T, file string, v any) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, v); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// A workflow has a job for each target of the list that it takes over from the
// Makefile.
func TestWorkflowsRunEachTarget(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		workflow, list string
		more           []string // jobs that the list does not have
	}{
		{"test.yml", `(?m)^test: setup ([^#\n]*)`, nil},
		{"nightly.yml", `(?m)^NIGHTLY := (.*)`, []string{"direct", "bench-browser"}},
	} {
		var workflow struct {
			Jobs map[string]struct {
				Strategy struct {
					Matrix struct{ Target []string }
				}
			}
		}
		readYAML(t, filepath.Join(root, ".github/workflows", tt.workflow), &workflow)
		list := regexp.MustCompile(tt.list).FindSubmatch(text)
		if list == nil {
			t.Fatalf("the Makefile has no line %s", tt.list)
		}
		want := append(strings.Fields(string(list[1])), tt.more...)
		if got := workflow.Jobs["target"].Strategy.Matrix.Target; !slices.Equal(got, want) {
			t.Errorf("the jobs of %s are %v, want %v as in the Makefile", tt.workflow, got, want)
		}
	}
}

// Each target that a workflow names is one of the Makefile.
func TestWorkflowsNameTargets(t *testing.T) {
	targets := makeTargets(t)
	files, err := filepath.Glob(filepath.Join(root, ".github/workflows/*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("workflows: %v, %v", files, err)
	}
	named := regexp.MustCompile(`(?:run: make |          - )([a-z][a-z0-9-]*)`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if !targets[m[1]] {
				t.Errorf("%s runs make %s, and the Makefile has no such target", file, m[1])
			}
		}
	}
}

// Each issue form has what a forge demands of one: a name, a description, and
// fields of known types, with labels, and ids that differ.
func TestIssueForms(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, ".github/ISSUE_TEMPLATE/*.yml"))
	if err != nil || len(files) < 2 {
		t.Fatalf("issue forms: %v, %v", files, err)
	}
	for _, file := range files {
		if filepath.Base(file) == "config.yml" {
			readYAML(t, file, new(any))
			continue
		}
		var form issueForm
		readYAML(t, file, &form)
		if form.Name == "" || form.Description == "" || len(form.Body) == 0 {
			t.Errorf("%s has name %q, description %q, %d fields", file, form.Name, form.Description, len(form.Body))
		}
		ids := make(map[string]bool)
		for _, f := range form.Body {
			if fault := f.fault(); fault != "" {
				t.Errorf("%s: field %q: %s", file, f.ID, fault)
			}
			if ids[f.ID] {
				t.Errorf("%s has two fields %q", file, f.ID)
			}
			ids[f.ID] = true
		}
	}
}

type issueForm struct {
	Name, Description string
	Body              []formField
}

type formField struct {
	Type, ID   string
	Attributes struct {
		Label   string
		Options []any
	}
}

// fault says why a forge would not take f, or nothing.
func (f formField) fault() string {
	choice := f.Type == "dropdown" || f.Type == "checkboxes"
	switch {
	case !choice && f.Type != "input" && f.Type != "textarea":
		return "its type is " + f.Type
	case !regexp.MustCompile(`^[\w-]+$`).MatchString(f.ID):
		return "its id has other characters than letters, digits, - and _"
	case f.Attributes.Label == "":
		return "it has no label"
	case choice && len(f.Attributes.Options) == 0:
		return "it has no options"
	}
	return ""
}

func TestDependabotIsYAML(t *testing.T) {
	var config struct {
		Version int
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	readYAML(t, filepath.Join(root, ".github/dependabot.yml"), &config)
	if config.Version != 2 || len(config.Updates) == 0 {
		t.Errorf("version %d with %d ecosystems, want version 2 with some", config.Version, len(config.Updates))
	}
	for _, u := range config.Updates {
		for _, dir := range append(u.Directories, u.Directory) {
			if _, err := os.Stat(filepath.Join(root, dir)); err != nil {
				t.Errorf("%s: %v", u.Ecosystem, err)
			}
		}
	}
}
