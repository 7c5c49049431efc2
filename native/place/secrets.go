package place

import (
	"bytes"
	"crypto/rand"

	"hostseal/license"
	"hostseal/problem"
)

// DigestToName is what a request for a host key names; the secret of it is on the disk by then. Empty
// where nothing can be kept: such a licence is given back without evidence.
func (p Place) DigestToName(key string) string {
	if p.ForgetsAll {
		return ""
	}
	before, refused := p.ReadSecrets()
	if refused != nil {
		return ""
	}
	after := before.Asked(key, drawnSecret)
	if !bytes.Equal(after.Dump(), before.Dump()) && p.writeSecrets(after) != nil {
		return ""
	}
	return license.DigestOf(after[0].Secret)
}

func drawnSecret() []byte {
	secret := make([]byte, license.SecretBytes)
	if _, err := rand.Read(secret); err != nil {
		panic(err)
	}
	return secret
}

// ReadSecrets are those of this host; none where there is no file, or a damaged one.
func (p Place) ReadSecrets() (license.Secrets, *problem.Problem) {
	data, refused := Read(p.Secrets(), MaxFile)
	if refused != nil || data == nil {
		return nil, refused
	}
	secrets, _ := license.ParseSecrets(data)
	return secrets, nil
}

// Spend forgets a secret, which was revealed.
func (p Place) Spend(secret []byte) *problem.Problem {
	before, refused := p.ReadSecrets()
	after := before.Without(secret)
	if refused != nil || len(after) == len(before) {
		return refused
	}
	return p.writeSecrets(after)
}

func (p Place) writeSecrets(secrets license.Secrets) *problem.Problem {
	_, refused := ReplaceAll(Replacement{Path: p.Secrets(), Data: secrets.Dump(), Private: true})
	return refused
}

// ReadReturned is what the text of the licence that was given back last says; nil: there is none.
func (p Place) ReadReturned() *license.Returned {
	data, refused := readOwn(p.Returned(), MaxFile)
	if refused != nil || data == nil {
		return nil
	}
	return license.ParseReturned(data)
}
