// Package site makes a web site of harness/docs: configuration, layouts, style and search
// box for Hugo, which "make site" runs from the Go module proxy at a pinned version. Hugo
// is no dependency of the module. The package itself has tests only.
//
// The pages stay plain Markdown as GitHub shows it. The list of pages is that of
// harness/docs/README.md; links between files become links between pages, and links to
// other files of the repository lead to GitHub. The site needs no server: the search box
// looks in terms.js, which has every title, every heading, and every row of a table that
// begins with a name.
package site
