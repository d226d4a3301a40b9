package route

import (
	"slices"
	"strings"
)

// How many different words may follow at a place, until they are taken for names of things.
const (
	// fewWords is the number behind the name of a collection, and where names were seen already.
	fewWords = 8
	// someWords is the number behind a placeholder, as what things have is of few kinds.
	someWords = 16
	// manyWords is the number elsewhere: that of resources at one place of an API.
	manyWords = 40
	// oftenSeen is how often a word was seen that is one of a resource, if most of its neighbours were as well.
	oftenSeen = 4
)

// limit is how many words may follow n.
func (n *node) limit() int {
	switch {
	case n.collected():
		return fewWords
	case strings.HasPrefix(n.key, "{"):
		return someWords
	}
	return manyWords
}

// collected tells whether things are expected to follow n, by its name or by what followed.
func (n *node) collected() bool {
	return n.shapes[slug] != nil || collection(n.key)
}

// collection tells whether a word names many things of a kind.
func collection(word string) bool {
	if len(word) > 3 && word[len(word)-1] == 's' {
		switch word[len(word)-2:] {
		case "ss", "us", "is":
			return false
		}
		return true
	}
	return slices.Contains(singulars, word)
}

// singulars are names of collections that are no plurals.
var singulars = strings.Fields("article author blog category channel customer item order post product profile tag topic user wiki")

// reserved tells whether a word is one that APIs have beside ids and names.
func reserved(word string) bool {
	switch word {
	case "me", "self", "all", "new", "edit", "create", "update", "delete", "search", "count", "export", "import", "batch", "bulk", "latest", "recent",
		"current", "list", "status", "stats", "summary", "login", "logout", "register", "signup", "health", "settings", "metrics":
		return true
	}
	return false
}

// collapse takes the words that follow n for names of things: they become one placeholder, with all that follows them. Words that
// were seen often stay, if most were and no things are expected here.
func (t *Table) collapse(s *service, n *node) {
	often := 0
	for _, next := range n.words {
		if next.hits >= oftenSeen {
			often++
		}
	}
	keep := !n.collected() && 2*often > len(n.words)
	n.varies = true
	t.changed = true
	t.learned.Add(1)
	for word, next := range n.words {
		if word == "" || reserved(word) || keep && next.hits >= oftenSeen {
			continue
		}
		delete(n.words, word)
		t.forget(s, next)
		into := n.shapes[slug]
		if into == nil {
			if n.shapes == nil {
				n.shapes = map[string]*node{}
			}
			next.key = slug
			n.shapes[slug] = next
			continue
		}
		t.merge(s, into, next)
	}
}

// forget takes back the routes of n and of all that follows it: they have other texts from now on.
func (t *Table) forget(s *service, n *node) {
	if n.route != nil {
		n.route = nil
		t.count(s, -1)
	}
	for _, next := range n.words {
		t.forget(s, next)
	}
	for _, next := range n.shapes {
		t.forget(s, next)
	}
}

// merge puts what follows one node to what follows another.
func (t *Table) merge(s *service, into, from *node) {
	s.nodes--
	t.nodes--
	into.hits += from.hits
	if from.varies && !into.varies {
		t.collapse(s, into)
	}
	for key, next := range from.shapes {
		t.move(s, into, &into.shapes, key, next)
	}
	for word, next := range from.words {
		if into.varies && word != "" && !reserved(word) && into.words[word] == nil {
			next.key = slug
			t.move(s, into, &into.shapes, slug, next)
			continue
		}
		t.move(s, into, &into.words, word, next)
		if !into.varies && len(into.words) > into.limit() {
			t.collapse(s, into)
		}
	}
}

func (t *Table) move(s *service, parent *node, to *map[string]*node, key string, n *node) {
	if there := (*to)[key]; there != nil {
		t.merge(s, there, n)
		return
	}
	if *to == nil {
		*to = map[string]*node{}
	}
	n.parent = parent
	(*to)[key] = n
}
