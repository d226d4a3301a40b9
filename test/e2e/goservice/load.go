package goservice

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// pattern is n bytes that are the same on both sides.
func pattern(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i*7 + i>>8)
	}
	return b
}

// mirror answers with the sum of the body that came and then with as many bytes of the
// pattern as ?answer says.
func mirror(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	if _, err := io.Copy(sum, r.Body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	n, _ := strconv.Atoi(r.URL.Query().Get("answer")) // none is 0
	w.Write(sum.Sum(nil))
	w.Write(pattern(n))
}

// load sends ?requests over ?connections, each with ?body bytes and a number from ?first on,
// and says how many came back as they should.
func load(w http.ResponseWriter, r *http.Request) {
	figure := func(name string) int {
		n, _ := strconv.Atoi(r.URL.Query().Get(name)) // none is 0
		return n
	}
	l := loader{base: r.URL.Query().Get("base"), body: figure("body"), answer: figure("answer")}
	l.client.Transport = &http.Transport{
		MaxConnsPerHost: figure("connections"), MaxIdleConnsPerHost: figure("connections"),
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
	defer l.client.CloseIdleConnections()
	good, err := l.run(r.Context(), figure("connections"), figure("first"), figure("requests"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	fmt.Fprintf(w, "%d good\n", good)
}

type loader struct {
	base         string
	body, answer int
	client       http.Client
}

func (l *loader) run(ctx context.Context, connections, first, requests int) (int, error) {
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		good int
		errs []error
	)
	numbers := make(chan int)
	for range connections {
		wait.Go(func() {
			for i := range numbers {
				err := l.ask(ctx, i)
				mu.Lock()
				if err == nil {
					good++
				} else if len(errs) < 3 {
					errs = append(errs, err)
				}
				mu.Unlock()
			}
		})
	}
	for i := range requests {
		numbers <- first + i
	}
	close(numbers)
	wait.Wait()
	return good, errors.Join(errs...)
}

func (l *loader) ask(ctx context.Context, i int) error {
	body := pattern(l.body)
	url := fmt.Sprintf("%s/mirror/%d?answer=%d", l.base, i, l.answer)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	response, err := l.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if !bytes.Equal(got, append(sum[:], pattern(l.answer)...)) {
		return fmt.Errorf("request %d: %d bytes came back, and not those that were awaited", i, len(got))
	}
	return nil
}
