package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// keys is a directory with a certificate for loopback and its key.
type keys string

func (k keys) certificate() string { return filepath.Join(string(k), "certificate.pem") }
func (k keys) key() string         { return filepath.Join(string(k), "key.pem") }
func (k keys) remove() error       { return os.RemoveAll(string(k)) }

// roots is what trusts the certificate, and nothing else.
func (k keys) roots() (*x509.CertPool, error) {
	text, err := os.ReadFile(k.certificate())
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("reading the certificate: it is none")
	}
	return pool, nil
}

// makeKeys makes them, in a directory that the caller removes.
func makeKeys() (k keys, err error) {
	dir, err := os.MkdirTemp("", "throughline-budget-")
	if err != nil {
		return "", fmt.Errorf("making a directory: %w", err)
	}
	k = keys(dir)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("making a certificate: %w", err), k.remove())
		}
	}()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return k, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), Subject: pkix.Name{CommonName: "throughline budget"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return k, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return k, err
	}
	if err := writePEM(k.certificate(), "CERTIFICATE", certificate); err != nil {
		return k, err
	}
	return k, writePEM(k.key(), "PRIVATE KEY", encoded)
}

func writePEM(file, kind string, bytes []byte) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
}
