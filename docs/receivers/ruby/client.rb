# Asks a carded box for a verification, and how it went, in a way that stands a bad network and a busy box.
#
#   CARDED_URL=http://127.0.0.1:8480 CARDED_KEY_FILE=key.txt ruby client.rb order-1234
#
# `create_session` and `retrieve_session` are what to copy. Polling is for the screen of a till that waits; what was verified
# for good comes by webhook (receiver.rb).

require "json"
require "net/http"
require "openssl"
require "securerandom"
require "uri"

ATTEMPTS = 8
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 8.0
LONGEST_WAIT_S = 60
ATTEMPT_LIMIT_S = 10

# The box refused, or could not be reached although it was tried again.
class BoxError < StandardError; end

# Creates a session and gives it back. The idempotency key says that all attempts are the same wish, so that a lost answer
# never makes a second session; take one from your order and it also holds when your own program starts again.
def create_session(parameters, idempotency_key = SecureRandom.uuid)
  asked = Net::HTTP::Post.new("/v1/identity/verification_sessions", { "idempotency-key" => idempotency_key })
  asked.set_form_data(parameters)
  request(asked)
end

# A session as it stands now.
def retrieve_session(id)
  request(Net::HTTP::Get.new("/v1/identity/verification_sessions/#{URI.encode_www_form_component(id)}"))
end

def request(asked)
  asked["authorization"] = "Bearer #{File.read(ENV.fetch('CARDED_KEY_FILE')).strip}"
  (1..ATTEMPTS).each do |attempt|
    response = nil
    begin
      response = once(asked)
      return JSON.parse(response.body) if response.is_a?(Net::HTTPSuccess)

      problem = "the box answers #{response.code}: #{response.body.to_s[0, 500]}"
      status = response.code.to_i
      # Anything else would be refused the next time too.
      again = [409, 429].include?(status) || status >= 500
    rescue SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError, Net::ProtocolError,
           Net::HTTPBadResponse, JSON::ParserError => error
      problem, again = "no whole answer from the box: #{error.message}", true
    end
    pause = pause_after(attempt, response && response["retry-after"])
    raise BoxError, problem if !again || attempt == ATTEMPTS || pause > LONGEST_WAIT_S

    sleep(pause)
  end
end

def once(asked)
  box = URI(ENV.fetch("CARDED_URL"))
  # No proxy of the environment gets to see the key.
  http = Net::HTTP.new(box.host, box.port, nil)
  http.use_ssl = box.scheme == "https"
  http.open_timeout = http.read_timeout = http.write_timeout = ATTEMPT_LIMIT_S
  http.max_retries = 0
  http.start { http.request(asked) }
end

# Random below a ceiling that doubles, so that tills do not all come back at once; never less than the box asks for.
def pause_after(attempt, retry_after)
  ceiling = [LONGEST_PAUSE_S, FIRST_PAUSE_S * (2**(attempt - 1))].min
  asked = retry_after.to_s.match?(/\A[0-9]{1,6}\z/) ? retry_after.to_i : 0
  asked + rand * ceiling
end

if $PROGRAM_NAME == __FILE__
  order = ARGV.fetch(0) { SecureRandom.uuid }
  wish = { "type" => "document", "client_reference_id" => order, "metadata[till]" => "3" }
  session = retrieve_session(create_session(wish, "verify-#{order}")["id"])
  puts "#{session['id']} #{session['status']}"
end
