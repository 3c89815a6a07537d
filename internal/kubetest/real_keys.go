package kubetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"time"
)

// realKeys are those of one cluster, in the PEM format.
type realKeys struct {
	ca               []byte // whom to believe
	certificate, key []byte // of every server, all of which are on loopback
	accounts         []byte // signs the tokens of service accounts
}

// newRealKeys takes some milliseconds: keys of elliptic curves are cheap.
func newRealKeys() (*realKeys, error) {
	authority, _, err := newRealKey()
	if err != nil {
		return nil, err
	}
	ca := realCertificate("kubetest's authority")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, authority.Public(), authority)
	if err != nil {
		return nil, err
	}
	server, serverKey, err := newRealKey()
	if err != nil {
		return nil, err
	}
	own := realCertificate("kubetest")
	own.KeyUsage, own.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	own.IPAddresses, own.DNSNames = []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}
	ownDER, err := x509.CreateCertificate(rand.Reader, own, ca, server.Public(), authority)
	if err != nil {
		return nil, err
	}
	_, accounts, err := newRealKey()
	return &realKeys{realPEM("CERTIFICATE", caDER), realPEM("CERTIFICATE", ownDER), serverKey, accounts}, err
}

func newRealKey() (key *ecdsa.PrivateKey, encoded []byte, err error) {
	key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	return key, realPEM("EC PRIVATE KEY", der), err
}

// realCertificate is valid while the tests run, whatever a virtual machine's clock does.
func realCertificate(name string) *x509.Certificate {
	serial, _ := rand.Int(rand.Reader, big.NewInt(1<<62)) // crypto/rand does not fail (its documentation, Go 1.24)
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(24 * time.Hour),
	}
}

func realPEM(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
