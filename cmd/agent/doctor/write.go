package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// WriteJSON writes the report as one indented JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(struct {
		*Report
		Usable bool `json:"usable"`
	}{r, r.Usable()})
}

// WriteText writes the report for people.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "THIS HOST\t\t")
	for _, c := range r.Checks {
		fmt.Fprintf(table, "  %s\t%s\t%s\n", c.Name, c.Status, c.Detail)
	}
	_ = table.Flush() // into a strings.Builder, which does not fail
	b.WriteString("\nWOULD BE USED\n  " + r.verdict() + "\n")
	var cures []string
	for _, c := range r.Checks {
		if c.Cure != "" {
			cures = append(cures, c.Cure)
		}
	}
	section(&b, "WHAT IS MISSING", cures)
	if r.untried() {
		b.WriteString("\nNOT TRIED\n  Loading programs needs root or " + triesWith + ": run throughline doctor as root to try it.\n")
	}
	if r.Target != nil {
		r.Target.write(&b)
	}
	if r.Problem != "" {
		b.WriteString("\nPROCESS\n  " + r.Problem + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) untried() bool {
	for _, c := range r.Checks {
		if c.Status == Untried && c.Key != "lockdown" {
			return true
		}
	}
	return false
}

// verdict says in a sentence what the agent would do here.
func (r *Report) verdict() string {
	switch {
	case r.Flavour == "" && r.untried():
		return "not known: nothing could be tried without privileges"
	case r.Flavour == "":
		return "nothing: no way to watch sockets works on this host"
	case r.Injection:
		return r.Flavour + ", and sk_msg to put traceparent headers into outgoing requests"
	default:
		return r.Flavour + ", without traceparent headers in outgoing requests"
	}
}

func section(b *strings.Builder, title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	b.WriteString("\n" + title + "\n")
	for _, line := range lines {
		b.WriteString("  - " + line + "\n")
	}
}

func (t *Target) write(b *strings.Builder) {
	fmt.Fprintf(b, "\nPROCESS %d\n", t.PID)
	table := tabwriter.NewWriter(b, 0, 8, 2, ' ', 0)
	row := func(name string, values ...string) {
		values = without(values, "")
		if len(values) > 0 {
			fmt.Fprintf(table, "  %s\t%s\n", name, strings.Join(values, ", "))
		}
	}
	row("service name", t.Service)
	row("executable", t.Executable, choose(t.Deleted, "deleted since", ""), t.Machine)
	row("runtime", strings.TrimSpace(t.Runtime+" "+t.RuntimeVersion))
	if t.Go != nil {
		row("Go build", t.Go.build()...)
	}
	row("owner", t.Owner)
	row("threads", fmt.Sprint(t.Threads))
	row("libraries", t.Libraries...)
	row("container", t.Container)
	row("namespaces", choose(t.OwnPIDs, "own pid namespace", "pids shared with throughline"), choose(t.OwnNet, "own network", "network shared with throughline"))
	row("cgroup", t.Cgroup)
	row("listens on", t.Listening...)
	row("connections", fmt.Sprintf("%d TCP, %d Unix", t.Connections, t.UnixSockets))
	row("OpenTelemetry SDK", choose(t.SDK != "", "seen by "+t.SDK, "not seen"))
	row("would attach", t.Sources...)
	row("traceparent headers", choose(t.Injection, "yes", "no"))
	_ = table.Flush() // into a strings.Builder, which does not fail
	if t.Go != nil {
		t.Go.write(b)
	}
	section(b, "WHY IT MAY SHOW NOTHING, OR LESS", t.Reasons)
}

func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func without(values []string, unwanted string) []string {
	out := values[:0:0]
	for _, v := range values {
		if v != unwanted {
			out = append(out, v)
		}
	}
	return out
}
