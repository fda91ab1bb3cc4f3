// Client asks a carded box for a verification, and how it went, in a way that stands a bad network and a busy box.
//
//	CARDED_URL=http://127.0.0.1:8480 CARDED_KEY_FILE=key.txt go run ./client order-1234
//
// createSession and retrieveSession are what to copy. Polling is for the screen of a till that waits; what was verified
// for good comes by webhook (../receiver).
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	attempts       = 8
	firstPause     = 200 * time.Millisecond
	longestPause   = 8 * time.Second
	longestWait    = time.Minute
	attemptLimit   = 10 * time.Second
	maxAnswerBytes = 1 << 20
)

// session is the part of a session that this program needs.
type session struct {
	ID     string `json:"id"`
	Status string `json:"status"`
}

// Neither a proxy of the environment nor a redirect gets to see the key.
var box = http.Client{
	Timeout:       attemptLimit,
	Transport:     &http.Transport{Proxy: nil},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// createSession creates a session. The idempotency key says that all attempts are the same wish, so that a lost answer
// never makes a second session; take one from your order and it also holds when your own program starts again.
func createSession(parameters url.Values, idempotencyKey string) (session, error) {
	return request(http.MethodPost, "/v1/identity/verification_sessions", parameters.Encode(), idempotencyKey)
}

// retrieveSession gives a session as it stands now.
func retrieveSession(id string) (session, error) {
	return request(http.MethodGet, "/v1/identity/verification_sessions/"+url.PathEscape(id), "", "")
}

func request(method, path, body, idempotencyKey string) (session, error) {
	var found session
	key, err := os.ReadFile(os.Getenv("CARDED_KEY_FILE"))
	if err != nil {
		return found, err
	}
	for attempt := 1; ; attempt++ {
		status, retryAfter, text, err := once(method, path, body, strings.TrimSpace(string(key)), idempotencyKey)
		if err == nil && 200 <= status && status < 300 {
			if err = json.Unmarshal(text, &found); err == nil {
				return found, nil
			}
		}
		// Anything else would be refused the next time too.
		again := err != nil || status == http.StatusConflict || status == http.StatusTooManyRequests || status >= 500
		if err == nil {
			err = fmt.Errorf("the box answers %d: %.500s", status, text)
		}
		pause := pauseAfter(attempt, retryAfter)
		if !again || attempt == attempts || pause > longestWait {
			return found, err
		}
		time.Sleep(pause)
	}
}

func once(method, path, body, key, idempotencyKey string) (status int, retryAfter string, text []byte, err error) {
	asked, err := http.NewRequest(method, os.Getenv("CARDED_URL")+path, strings.NewReader(body))
	if err != nil {
		return 0, "", nil, err
	}
	asked.Header.Set("Authorization", "Bearer "+key)
	if idempotencyKey != "" {
		asked.Header.Set("Idempotency-Key", idempotencyKey)
		asked.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	response, err := box.Do(asked)
	if err != nil {
		return 0, "", nil, err
	}
	defer response.Body.Close()
	text, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	return response.StatusCode, response.Header.Get("Retry-After"), text, err
}

// pauseAfter is random below a ceiling that doubles, so that tills do not all come back at once; never less than the box
// asks for.
func pauseAfter(attempt int, retryAfter string) time.Duration {
	ceiling := firstPause << (attempt - 1)
	if ceiling > longestPause {
		ceiling = longestPause
	}
	asked := time.Duration(0)
	if seconds, err := strconv.ParseUint(retryAfter, 10, 20); err == nil {
		asked = time.Duration(seconds) * time.Second
	}
	return asked + time.Duration(rand.Int63n(int64(ceiling)))
}

func main() {
	rand.Seed(time.Now().UnixNano())
	order := strconv.FormatInt(time.Now().UnixNano(), 36)
	if len(os.Args) > 1 {
		order = os.Args[1]
	}
	wish := url.Values{"type": {"document"}, "client_reference_id": {order}, "metadata[till]": {"3"}}
	created, err := createSession(wish, "verify-"+order)
	if err != nil {
		log.Fatal(err)
	}
	found, err := retrieveSession(created.ID)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(found.ID, found.Status)
}
