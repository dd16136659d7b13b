package main

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// pronouns stand where a noun would say more.
var (
	pronouns = regexp.MustCompile(`(?i)\b(who|whom|whoever|whatever|those|what|that of|of which)\b`)
	word     = regexp.MustCompile(`[A-Za-z']+`)
)

// manyPronouns is the share of a package that has each of its pronouns listed.
const manyPronouns = 0.4

// words is the share of pronouns in the comments of the package that has the most.
func (t *tree) words() figure {
	type tally struct {
		words int
		hits  []string
	}
	packages := make(map[string]tally)
	for _, file := range t.files {
		n := packages[file.dir]
		for _, group := range file.syntax.Comments {
			text := joined(group)
			n.words += len(word.FindAllString(text, -1))
			for _, hit := range pronouns.FindAllString(text, -1) {
				n.hits = append(n.hits, t.place(group)+": "+hit)
			}
		}
		packages[file.dir] = n
	}
	share := func(dir string) float64 { return perHundred(len(packages[dir].hits), packages[dir].words) }
	dirs := slices.SortedFunc(maps.Keys(packages), func(a, b string) int {
		return cmp.Or(cmp.Compare(share(b), share(a)), strings.Compare(a, b))
	})
	f := figure{name: "words", what: "who, whom, whoever, whatever, those, what, that of, of which: most in 100 words of a package's comments"}
	for _, dir := range dirs {
		n := packages[dir]
		f.value = max(f.value, share(dir))
		f.at = append(f.at, fmt.Sprintf("%-28s %5.2f: %3d in %d words", dir, share(dir), len(n.hits), n.words))
		if share(dir) > manyPronouns {
			f.at = append(f.at, n.hits...)
		}
	}
	return f
}

func (t *tree) comments() figure {
	f := figure{name: "columns", what: fmt.Sprintf("lines of comments in Go above %d columns", maxColumns)}
	for _, file := range t.files {
		for _, group := range file.syntax.Comments {
			for _, c := range group.List {
				from, to := t.fset.Position(c.Pos()).Line, t.fset.Position(c.End()).Line
				for n := from; n <= to; n++ {
					if wide := columns(file.lines[n-1]); wide > maxColumns {
						f.at = append(f.at, fmt.Sprintf("%s:%d: %d columns", file.name, n, wide))
					}
				}
			}
		}
	}
	return f.counted()
}

// documents counts long lines of text; tables, code and the targets of links cannot
// be broken.
func (t *tree) documents() figure {
	f := figure{name: "documents", what: fmt.Sprintf("lines of documents above %d columns, without tables, code and links", maxColumns)}
	for _, d := range t.docs {
		for n, text := range prose(d.lines) {
			if wide := columns(text); wide > maxColumns {
				f.at = append(f.at, fmt.Sprintf("%s:%d: %d columns", d.name, n+1, wide))
			}
		}
	}
	return f.counted()
}

var target = regexp.MustCompile(`\]\([^)]*\)|\S*://\S*`)

// prose returns the lines of Markdown with everything empty that is not text.
func prose(lines []string) []string {
	text := make([]string, len(lines))
	fenced, blank := false, true // blank: an indented line now begins code
	for n, line := range lines {
		trimmed := strings.TrimSpace(line)
		fence := strings.HasPrefix(trimmed, "```")
		indented := strings.HasPrefix(line, "    ") || strings.HasPrefix(line, "\t")
		switch {
		case fence:
			fenced = !fenced
		case fenced, strings.HasPrefix(trimmed, "|"), indented && blank:
		default:
			text[n] = target.ReplaceAllString(line, "]")
			blank = trimmed == ""
		}
	}
	return text
}
