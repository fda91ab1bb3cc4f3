// Receiver takes the webhooks of a carded box: it checks the signature, keeps each event once, grants what was
// verified, and takes it back where the staff say otherwise.
//
//	CARDED_WEBHOOK_SECRET_FILE=secret.txt CARDED_STORE=store CARDED_LISTEN=127.0.0.1:8787 go run ./receiver
//
// The secret file holds one secret a line, two while a secret is being changed. Put your web server with HTTPS in front.
//
// What grants a session: an event named …verified, or one named carded.outcome.overridden whose overridden_by is
// verified. What revokes it: one whose overridden_by is not_verified. In live mode, with a good signature, and of two
// outcomes of a session the one with the higher sequence counts. Nothing else: no other event, no answer in a browser, no
// word on a screen. A second proof lies in each attestation of data.object.carded: the device's own signature (a JWS by
// Ed25519, crypto/ed25519), which holds even against somebody who has stolen the webhook secret. docs/webhooks.md says how
// to check it, and `carded receiver --device-key` does.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	maxBodyBytes     = 256 * 1024
	maxHeaderBytes   = 1024
	toleranceSeconds = 300
)

var (
	timeForm = regexp.MustCompile(`\A[0-9]{1,12}\z`)
	// Identifiers become names of files here, so nothing else may be in them.
	idForm = regexp.MustCompile(`\A[A-Za-z0-9_-]{1,200}\z`)
)

// event is the part of an event that this program needs.
type event struct {
	ID       string `json:"id"`
	Object   string `json:"object"`
	Type     string `json:"type"`
	Livemode bool   `json:"livemode"`
	Data     struct {
		Object struct {
			ID     string `json:"id"`
			Carded struct {
				Outcome      outcome `json:"outcome"`
				OverriddenBy struct {
					Outcome outcome `json:"outcome"`
				} `json:"overridden_by"`
			} `json:"carded"`
		} `json:"object"`
	} `json:"data"`
}

// outcome is what was decided of a session, by the device or by one of its staff.
type outcome struct {
	Result   string `json:"result"`
	Sequence int64  `json:"sequence"`
}

// receiver knows the endpoint's secrets and where events are kept.
type receiver struct {
	secrets  []string
	store    string
	settling sync.Mutex
}

func readSecrets(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	secrets := strings.Fields(string(text))
	for _, secret := range secrets {
		if len(secret) < 8 {
			secrets = nil
			break
		}
	}
	// With an empty secret anybody could sign.
	if len(secrets) == 0 {
		return nil, fmt.Errorf("%s needs one secret a line", path)
	}
	return secrets, nil
}

// signatureHolds tells whether one of our secrets signed exactly these bytes within the last, or the next, five minutes.
func signatureHolds(header string, body []byte, secrets []string, now time.Time) bool {
	if len(header) > maxHeaderBytes {
		return false
	}
	var times, signatures []string
	for _, part := range strings.Split(header, ",") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "t":
			times = append(times, value)
		case "v1":
			signatures = append(signatures, value)
		}
	}
	if len(times) != 1 || !timeForm.MatchString(times[0]) {
		return false
	}
	matched := false
	for _, secret := range secrets {
		// The whole secret is the key, with its `whsec_`.
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(times[0] + "."))
		mac.Write(body)
		expected := []byte(hex.EncodeToString(mac.Sum(nil)))
		for _, given := range signatures {
			matched = hmac.Equal([]byte(given), expected) || matched
		}
	}
	signedAt, err := strconv.ParseInt(times[0], 10, 64)
	age := now.Unix() - signedAt
	return err == nil && matched && -toleranceSeconds <= age && age <= toleranceSeconds
}

func readEvent(body []byte) (event, bool) {
	var read event
	err := json.Unmarshal(body, &read)
	good := err == nil && read.Object == "event" && idForm.MatchString(read.ID) && idForm.MatchString(read.Data.Object.ID)
	return read, good
}

// outcomeOf finds the outcome that an event tells, if it tells one.
func outcomeOf(e event) (outcome, bool) {
	// What was rehearsed with a test key or a simulated camera changes nothing.
	if !e.Livemode {
		return outcome{}, false
	}
	switch e.Type {
	case "verification_session.verified", "identity.verification_session.verified":
		return outcome{"verified", e.Data.Object.Carded.Outcome.Sequence}, true
	case "carded.outcome.overridden":
		set := e.Data.Object.Carded.OverriddenBy.Outcome
		return set, set.Result == "verified" || set.Result == "not_verified"
	}
	return outcome{}, false
}

// save writes a whole file or none; place links it, which fails where one is, or renames it, which replaces that.
func (r *receiver) save(folder, name string, bytes []byte, place func(from, to string) error) error {
	draft, err := os.CreateTemp(filepath.Join(r.store, folder), "*.draft")
	if err != nil {
		return err
	}
	defer os.Remove(draft.Name())
	defer draft.Close()
	if _, err := draft.Write(bytes); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	return place(draft.Name(), filepath.Join(r.store, folder, name))
}

// settle keeps a session's outcome, unless one that counts more is there; one at a time, as long as one process
// has the store.
func (r *receiver) settle(session string, set outcome) error {
	r.settling.Lock()
	defer r.settling.Unlock()
	before := outcome{"not_verified", -1}
	kept, err := os.ReadFile(filepath.Join(r.store, "outcomes", session))
	if err == nil {
		err = json.Unmarshal(kept, &before)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if set.Sequence <= before.Sequence {
		return nil
	}
	bytes, err := json.Marshal(set)
	if err != nil {
		return err
	}
	if err := r.save("outcomes", session, bytes, os.Rename); err != nil {
		return err
	}
	if set.Result != before.Result {
		change := map[string]string{"verified": "grant", "not_verified": "revoke"}
		fmt.Println(change[set.Result], session)
	}
	return nil
}

// accept does what an event causes, once, and tells whether the event is new. The higher sequence counts, so the order in
// which events come does not matter: a revocation is kept also where nothing was granted yet. It is repeated for an event
// that comes again, so that a crash between the two files loses nothing.
//
// In production both are rows of your own database, written in one transaction: the event's id under a unique index, and
// the order that has this session's id (you stored it when you created the session) set to the outcome and its sequence; a
// database also stands a power cut between the two. Keep the ids for a month: a box that was offline still delivers. Mail,
// printers and other slow things are for later, not for here.
func (r *receiver) accept(e event, body []byte) (bool, error) {
	// A sign of life every few minutes: there is nothing to keep of it without the device's key.
	if e.Type == "carded.heartbeat" {
		return true, nil
	}
	err := r.save("events", e.ID, body, os.Link)
	isNew := !errors.Is(err, os.ErrExist)
	if err != nil && isNew {
		return false, err
	}
	if isNew {
		fmt.Println("event", e.ID, e.Type)
	}
	if set, found := outcomeOf(e); found {
		if err := r.settle(e.Data.Object.ID, set); err != nil {
			return false, err
		}
	}
	return isNew, nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	if request.Method != http.MethodPost {
		refuse(w, http.StatusMethodNotAllowed, "method", "send events by POST")
		return
	}
	// The bytes as they came, before anything parses them.
	body, err := io.ReadAll(http.MaxBytesReader(w, request.Body, maxBodyBytes))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "body_too_long", "this is longer than any event, or ended early")
		return
	}
	header := request.Header.Get("stile-signature")
	if header == "" {
		header = request.Header.Get("stripe-signature")
	}
	if !signatureHolds(header, body, r.secrets, time.Now()) {
		message := "no signature matches; compare the secrets and the clocks of both ends"
		refuse(w, http.StatusBadRequest, "signature_invalid", message)
		return
	}
	e, good := readEvent(body)
	if !good {
		refuse(w, http.StatusBadRequest, "event_invalid", "the body is not an event")
		return
	}
	isNew, err := r.accept(e, body)
	if err != nil {
		log.Print(err)
		// Whatever is no 2xx is sent again later.
		refuse(w, http.StatusInternalServerError, "not_stored", "send it again later")
		return
	}
	answer(w, http.StatusOK, map[string]any{"received": true, "duplicate": !isNew})
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func answer(w http.ResponseWriter, status int, content map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(content)
}

func main() {
	secrets, err := readSecrets(os.Getenv("CARDED_WEBHOOK_SECRET_FILE"))
	if err != nil {
		log.Fatal(err)
	}
	store := os.Getenv("CARDED_STORE")
	for _, folder := range []string{"events", "outcomes"} {
		if err := os.MkdirAll(filepath.Join(store, folder), 0o700); err != nil {
			log.Fatal(err)
		}
	}
	address := os.Getenv("CARDED_LISTEN")
	if address == "" {
		address = "127.0.0.1:8787"
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	handler := receiver{secrets: secrets, store: store}
	server := http.Server{Handler: &handler, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second}
	log.Fatal(server.Serve(listener))
}
