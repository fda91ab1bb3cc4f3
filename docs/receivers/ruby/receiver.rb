# Takes the webhooks of a carded box: checks the signature, keeps each event once, grants what was verified
# and takes it back where the staff say otherwise.
#
#   CARDED_WEBHOOK_SECRET_FILE=secret.txt CARDED_STORE=store CARDED_LISTEN=127.0.0.1:8787 ruby receiver.rb
#
# The secret file holds one secret a line, two while a secret is being changed.
#
# What grants a session: an event named …verified, or one named carded.outcome.overridden whose `overridden_by` is
# verified. What revokes it: one whose `overridden_by` is not_verified. In live mode, with a good signature, and of two
# outcomes of a session the one with the higher `sequence` counts. Nothing else: no other event, no answer in a browser,
# no word on a screen. A second proof lies in each `attestation` of `data.object.carded`: the device's own signature (a
# JWS by Ed25519, OpenSSL::PKey), which holds even against somebody who has stolen the webhook secret. docs/webhooks.md
# says how to check it, and `carded receiver --device-key` does.

require "fileutils"
require "json"
require "openssl"
require "securerandom"
require "socket"
require "timeout"

# What to copy: give `receive` the headers and the raw body (in Rails: `request.raw_post`), and answer what it says.
class Receiver
  MAX_BODY_BYTES = 256 * 1024
  MAX_HEADER_CHARACTERS = 1024
  TOLERANCE_SECONDS = 300
  VERIFIED = %w[verification_session.verified identity.verification_session.verified].freeze
  OVERRIDDEN = "carded.outcome.overridden"
  # Identifiers become names of files here, so nothing else may be in them.
  ID = /\A[A-Za-z0-9_-]{1,200}\z/

  def initialize(secret_file, store)
    @secrets = File.readlines(secret_file).map(&:strip).reject(&:empty?)
    # With an empty secret anybody could sign.
    raise "#{secret_file} needs one secret a line" if @secrets.empty? || @secrets.any? { |secret| secret.size < 8 }

    @store = store
    %w[events outcomes].each { |folder| FileUtils.mkdir_p(File.join(store, folder), mode: 0o700) }
  end

  # Status and answer for a request; `headers` have lower-case names, `body` the bytes as they came.
  def receive(headers, body)
    return refuse(413, "body_too_long", "this is longer than any event") if body.bytesize > MAX_BODY_BYTES

    header = headers["stile-signature"] || headers["stripe-signature"]
    unless signature_holds?(header, body, Time.now.to_i)
      return refuse(400, "signature_invalid", "no signature matches; compare the secrets and the clocks of both ends")
    end

    event = read_event(body)
    return refuse(400, "event_invalid", "the body is not an event") if event.nil?

    [200, { received: true, duplicate: !accept(event, body) }]
  end

  def refuse(status, code, message)
    [status, { error: { code: code, message: message } }]
  end

  private

  # Whether one of our secrets signed exactly these bytes within the last, or the next, five minutes.
  def signature_holds?(header, body, now)
    return false if header.nil? || header.size > MAX_HEADER_CHARACTERS

    parts = header.split(",").map { |part| part.partition("=") }
    times = parts.filter_map { |name, _, value| value if name == "t" }
    signatures = parts.filter_map { |name, _, value| value if name == "v1" }
    return false unless times.size == 1 && times.first.match?(/\A[0-9]{1,12}\z/)

    matched = @secrets.product(signatures).map do |secret, given|
      # The whole secret is the key, with its `whsec_`.
      expected = OpenSSL::HMAC.hexdigest("SHA256", secret, "#{times.first}.".b + body)
      OpenSSL.secure_compare(expected, given)
    end
    matched.any? && (now - times.first.to_i).abs <= TOLERANCE_SECONDS
  end

  def read_event(body)
    event = JSON.parse(body.dup.force_encoding("UTF-8"))
    id, session = event["id"], event["data"]["object"]["id"]
    good = event["object"] == "event" && [id, session, event["type"]].all?(String) && id.match?(ID) && session.match?(ID)
    good ? event : nil
  rescue JSON::ParserError, EncodingError, ArgumentError, TypeError, NoMethodError
    nil
  end

  # The outcome that an event tells, or nil.
  def outcome_of(event)
    # What was rehearsed with a test key or a simulated camera changes nothing.
    return nil unless event["livemode"] == true

    carded = event["data"]["object"]["carded"]
    result, sequence = "verified", dig(carded, "outcome", "sequence")
    if event["type"] == OVERRIDDEN
      result, sequence = %w[result sequence].map { |name| dig(carded, "overridden_by", "outcome", name) }
    elsif !VERIFIED.include?(event["type"])
      return nil
    end
    sequence = 0 if sequence.nil?
    good = %w[verified not_verified].include?(result) && sequence.is_a?(Integer)
    good ? { "result" => result, "sequence" => sequence, "event" => event["id"] } : nil
  end

  def dig(value, *names)
    names.reduce(value) { |inner, name| inner.is_a?(Hash) ? inner[name] : nil }
  end

  # What an event causes, once. The higher `sequence` counts, so the order in which events come does not matter: a
  # revocation is kept also where nothing was granted yet. It is repeated for an event that comes again, so that a crash
  # between the two files loses nothing.
  #
  # In production both are rows of your own database, written in one transaction: the event's `id` under a unique index,
  # and the order that has this session's id (you stored it when you created the session) set to the outcome and its
  # sequence; a database also stands a power cut between the two. Keep the ids for a month: a box that was offline still
  # delivers. Mail, printers and other slow things are for later, not for here.
  def accept(event, body)
    # A sign of life every few minutes: there is nothing to keep of it without the device's key.
    return true if event["type"] == "carded.heartbeat"

    is_new = save_once("events", event["id"], body)
    puts "event #{event['id']} #{event['type']}" if is_new
    outcome = outcome_of(event)
    settle(event["data"]["object"]["id"], outcome) if outcome
    is_new
  end

  # Keeps a session's outcome, unless one that counts more is there; one at a time.
  def settle(session, outcome)
    File.open(File.join(@store, "lock"), File::RDWR | File::CREAT, 0o600) do |lock|
      lock.flock(File::LOCK_EX)
      path = File.join(@store, "outcomes", session)
      before = File.exist?(path) ? JSON.parse(File.read(path)) : { "result" => "not_verified", "sequence" => -1 }
      next if outcome["sequence"] <= before["sequence"]

      save("outcomes", session, JSON.generate(outcome), :rename)
      puts "#{outcome['result'] == 'verified' ? 'grant' : 'revoke'} #{session}" if outcome["result"] != before["result"]
    end
  end

  # False when the name is taken: this came before.
  def save_once(folder, name, bytes)
    save(folder, name, bytes, :link)
    true
  rescue Errno::EEXIST
    false
  end

  # Writes a whole file or none; `place` links it, which fails where one is, or renames it, which replaces that.
  def save(folder, name, bytes, place)
    draft = File.join(@store, folder, "#{name}.#{SecureRandom.uuid}.draft")
    File.open(draft, "wbx", 0o600) { |file| file.write(bytes) && file.fsync }
    File.public_send(place, draft, File.join(@store, folder, name))
  ensure
    FileUtils.rm_f(draft)
  end
end

# Just enough HTTP to run without a gem: one request a connection, with a Content-Length. It is not what to copy; a shop
# has Rails, Sinatra or another web server with HTTPS in front.
class PlainServer
  LIMIT_SECONDS = 10
  MAX_LINE_BYTES = 8 * 1024
  MAX_HEADERS = 100
  WORKERS = 4
  REASONS = { 200 => "OK", 400 => "Bad Request", 405 => "Method Not Allowed", 413 => "Content Too Large",
              500 => "Internal Server Error" }.freeze

  def initialize(listen, receiver)
    host, port = listen.split(":")
    @server = TCPServer.new(host, Integer(port))
    @receiver = receiver
    puts "listening on #{host}:#{@server.local_address.ip_port}"
  end

  def run
    Array.new(WORKERS) { Thread.new { loop { serve(@server.accept) } } }.each(&:join)
  end

  private

  def serve(connection)
    connection.binmode
    Timeout.timeout(LIMIT_SECONDS) do
      status, content = answer(connection)
      body = JSON.generate(content)
      connection.write("HTTP/1.1 #{status} #{REASONS.fetch(status)}\r\ncontent-type: application/json\r\n" \
                       "content-length: #{body.bytesize}\r\nconnection: close\r\n\r\n#{body}")
    end
  rescue StandardError => error
    # The sender is gone or too slow, and will come again; no request may end a worker.
    warn error.message
  ensure
    connection.close
  end

  def answer(connection)
    method = connection.gets("\r\n", MAX_LINE_BYTES).to_s.split.first
    headers = read_headers(connection)
    length = headers.fetch("content-length", "0")
    return @receiver.refuse(405, "method", "send events by POST") unless method == "POST"
    return @receiver.refuse(400, "length", "say how long the body is") unless length.match?(/\A[0-9]{1,9}\z/)

    # One byte more than is allowed, so that `receive` sees that it is too much.
    body = connection.read([length.to_i, Receiver::MAX_BODY_BYTES + 1].min) || ""
    @receiver.receive(headers, body)
  rescue SystemCallError => error
    warn error.message
    # Whatever is no 2xx is sent again later.
    @receiver.refuse(500, "not_stored", "send it again later")
  end

  def read_headers(connection)
    headers = {}
    MAX_HEADERS.times do
      line = connection.gets("\r\n", MAX_LINE_BYTES).to_s.chomp
      break if line.empty?

      name, _, value = line.partition(":")
      headers[name.downcase] ||= value.strip
    end
    headers
  end
end

if $PROGRAM_NAME == __FILE__
  $stdout.sync = true
  receiver = Receiver.new(ENV.fetch("CARDED_WEBHOOK_SECRET_FILE"), ENV.fetch("CARDED_STORE"))
  PlainServer.new(ENV.fetch("CARDED_LISTEN", "127.0.0.1:8787"), receiver).run
end
