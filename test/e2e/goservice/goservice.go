// Package goservice is the Go program that the tests trace: an HTTP server with
// a few paths that behave in a known way, and a client.
package goservice

import (
	"bufio"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Main serves until SIGTERM.
//
//	-listen ADDRESS      host:port, or the path of a Unix socket
//	-downstream ADDRESS  whom /call and /callnet ask
//	-wrapped             puts types of its own around each connection
//	-tls                 serves HTTP/1 and HTTP/2 over TLS
//	-get URL             asks once instead, says what it got, and ends
func Main(args []string) error {
	set := flag.NewFlagSet("goservice", flag.ContinueOnError)
	listen := set.String("listen", "", "")
	downstream := set.String("downstream", "", "")
	wrapped := set.Bool("wrapped", false, "")
	secure := set.Bool("tls", false, "")
	get := set.String("get", "", "")
	if err := set.Parse(args); err != nil {
		return err
	}
	if *get != "" {
		return ask(*get, os.Stdout)
	}
	network := "tcp"
	if strings.HasPrefix(*listen, "/") {
		network = "unix"
	}
	l, err := net.Listen(network, *listen)
	if err != nil {
		return err
	}
	if *wrapped {
		l = wrappedListener{l}
	}
	server := &http.Server{Handler: handler(*downstream), Protocols: new(http.Protocols)}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	if *secure {
		server.Protocols.SetHTTP2(true)
		if server.TLSConfig, err = selfSigned(); err != nil {
			return err
		}
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM, syscall.SIGINT)
	go func() { <-end; server.Close() }()
	serve := server.Serve
	if *secure {
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	}
	if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func ask(url string, out io.Writer) error {
	response, err := http.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	fmt.Fprintln(out, response.Status)
	_, err = io.Copy(out, response.Body)
	return err
}

func handler(downstream string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("/headers", headers)
	mux.HandleFunc("/status/{code}", func(w http.ResponseWriter, r *http.Request) {
		code, err := strconv.Atoi(r.PathValue("code"))
		if err != nil {
			code = http.StatusBadRequest
		}
		w.WriteHeader(code)
	})
	mux.HandleFunc("/slow/{ms}", func(w http.ResponseWriter, r *http.Request) {
		sleep(r.PathValue("ms"))
		io.WriteString(w, "slept\n")
	})
	mux.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintln(w, n, err)
	})
	mux.HandleFunc("/chunks/{ms}", chunks)
	mux.HandleFunc("/upgrade", upgrade)
	mux.HandleFunc("/rpc/{method}", rpc)
	mux.HandleFunc("/hangup", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	mux.HandleFunc("/mirror/{marker}", mirror)
	mux.HandleFunc("/load", load)
	mux.HandleFunc("/call/{marker...}", func(w http.ResponseWriter, r *http.Request) {
		callHere(w, downstream, r.PathValue("marker"))
	})
	mux.HandleFunc("/callnet/{marker...}", func(w http.ResponseWriter, r *http.Request) {
		callByTransport(w, r, downstream, r.PathValue("marker"))
	})
	return mux
}

// headers answers with the request's own head.
func headers(w http.ResponseWriter, r *http.Request) {
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[name] {
			fmt.Fprintf(w, "%s: %s\n", name, v)
		}
	}
}

func sleep(ms string) {
	if n, err := strconv.Atoi(ms); err == nil {
		time.Sleep(time.Duration(n) * time.Millisecond)
	}
}

// chunks answers in three chunks with pauses between them.
func chunks(w http.ResponseWriter, r *http.Request) {
	for i := range 3 {
		fmt.Fprintf(w, "chunk %d\n", i)
		w.(http.Flusher).Flush()
		sleep(r.PathValue("ms"))
	}
}

// rpc answers a unary gRPC call with a message that is the request's own head.
func rpc(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status")
	var head strings.Builder
	r.Header.Write(&head)
	w.Write(binary.BigEndian.AppendUint32([]byte{0}, uint32(head.Len())))
	io.WriteString(w, head.String())
	w.Header().Set("Grpc-Status", "0")
}

// upgrade leaves HTTP and echoes what comes.
func upgrade(w http.ResponseWriter, r *http.Request) {
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	io.Copy(conn, buffered)
}

// callHere asks downstream from this very goroutine, as a driver without
// goroutines of its own does.
func callHere(w http.ResponseWriter, downstream, marker string) {
	conn, err := net.Dial("tcp", downstream)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer conn.Close()
	request, err := http.NewRequest(http.MethodGet, "http://"+downstream+"/"+marker, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := request.Write(conn); err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), request)
	pass(w, response, err)
}

// callByTransport asks with net/http's client, which sends from a goroutine of
// the connection.
func callByTransport(w http.ResponseWriter, r *http.Request, downstream, marker string) {
	request, err := http.NewRequestWithContext(r.Context(), http.MethodGet, "http://"+downstream+"/"+marker, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	response, err := http.DefaultClient.Do(request)
	pass(w, response, err)
}

func pass(w http.ResponseWriter, response *http.Response, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	defer response.Body.Close()
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body)
}
