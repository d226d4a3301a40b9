package route

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// learnt is a place at which words are names of things, as the file keeps it: one JSON object a line.
type learnt struct {
	Service string   `json:"service"`
	Made    bool     `json:"made,omitempty"`
	Before  []string `json:"before"` // segments and placeholders; what they are is told by braces
	Words   []string `json:"words,omitempty"`
}

// maxFile bounds what is read of the file, in bytes.
const maxFile = 16 << 20

// Load reads the file, if there is one. What cannot be read is an error; the table is then as it was.
func (t *Table) Load() error {
	if t.config.File == "" {
		return nil
	}
	info, err := os.Stat(t.config.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && info.Size() > maxFile {
		err = fmt.Errorf("%d bytes are more than was ever written to it", info.Size())
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(t.config.File)
	}
	if err != nil {
		return fmt.Errorf("reading routes: %w", err)
	}
	var all []learnt
	for line := range strings.Lines(string(text)) {
		var l learnt
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			return fmt.Errorf("reading routes of %s: line %d: %w", t.config.File, len(all)+1, err)
		}
		all = append(all, l)
	}
	for i := range all {
		t.learn(&all[i])
	}
	return nil
}

func (t *Table) learn(l *learnt) {
	key := Key{Made: l.Made, Name: l.Service}
	s := t.services[key]
	if s == nil {
		if s = t.begin(key); s == nil {
			return
		}
	}
	w, n := walk{table: t, service: s, learns: true}, s.root
	for _, segment := range l.Before {
		is := word
		if strings.HasPrefix(segment, "{") || segment == "*" {
			is = thing
		}
		if n = w.step(n, segment, is); n == nil {
			return
		}
	}
	for _, text := range l.Words {
		if next := w.step(n, text, word); next != nil {
			next.hits = oftenSeen
		}
	}
	n.varies = true
}

// Save writes what was learned since it was last saved, as a whole: the file is the old one or the new one.
func (t *Table) Save() error {
	if t.config.File == "" || !t.changed {
		return nil
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	var all []learnt
	for key, s := range t.services {
		all = s.root.learnt(all, learnt{Service: key.Name, Made: key.Made, Before: []string{}})
	}
	slices.SortFunc(all, func(a, b learnt) int {
		if c := strings.Compare(a.Service, b.Service); c != 0 {
			return c
		}
		return slices.Compare(a.Before, b.Before)
	})
	for i := range all {
		if err := encoder.Encode(&all[i]); err != nil {
			return fmt.Errorf("saving routes: %w", err)
		}
	}
	t.changed = false // a disk that is full is told of once
	if err := replace(t.config.File, b.String()); err != nil {
		return fmt.Errorf("saving routes: %w", err)
	}
	return nil
}

// learnt collects the places below n; at says where n is.
func (n *node) learnt(all []learnt, at learnt) []learnt {
	if n.varies {
		place := at
		for word := range n.words {
			place.Words = append(place.Words, word)
		}
		slices.Sort(place.Words)
		all = append(all, place)
	}
	for _, follow := range []map[string]*node{n.words, n.shapes} {
		for key, next := range follow {
			below := at
			below.Before = append(slices.Clone(at.Before), key)
			all = next.learnt(all, below)
		}
	}
	return all
}

func replace(name, text string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
