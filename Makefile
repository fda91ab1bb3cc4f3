# What a person types. Each step lives in a script or a cargo command that also runs alone.

# `target/release/carded` finds its models and ONNX Runtime by its own place in the repository, so the place is fixed.
export CARGO_TARGET_DIR := $(CURDIR)/target

# `--examples` (there are none) makes cargo choose the same features of dependencies as it does for the tests. Without it
# `make build` and `make test` would each compile their own copy of most dependencies.
BUILD = cargo build --release --locked --bins --examples
TEST = cargo test --release --locked

.DEFAULT_GOAL := help
.PHONY: help run build test compare-aamva fuzz switches test-camera-vm test-kill test-faults test-cuts test-power-cut lint runtime sdk clean ready ready-for-tests compare-mrz measure-mrz compare-barcodes measure-recapture drain

help:
	@echo 'make run      play the demonstration: six visits to a counter, rendered, with all roles running'
	@echo 'make build    leave target/release/carded'
	@echo 'make test     run every test, the benches once each, and the examples in the documentation'
	@echo 'make switches  leave out one measure after the other, and see that only its own visit ends wrongly (minutes)'
	@echo 'make compare-aamva  compare what we read of AAMVA payloads with other parsers (with the data of developers)'
	@echo 'make drain    drain an outbox of 100,000 outcomes through engine and sync, and print time and memory (minutes)'
	@echo 'make fuzz     search for inputs that the parsers of documents and passes do not stand, a minute each'
	@echo 'make compare-mrz  read the same machine-readable zones with carded, PassportEye and RapidOCR'
	@echo 'make measure-mrz  read rendered zones in every kind of view (a quarter of an hour)'
	@echo 'make measure-recapture  render 320 photos of cards, screens and copies, and print how many are told apart (minutes)'
	@echo 'make test-camera-vm  check the V4L2 camera in a virtual machine (see tests/vm/camera)'
	@echo 'make test-kill  kill a busy store 900 times, and engine and sync 100 times (minutes)'
	@echo 'make test-faults  make every write and sync of a visit and of a first start fail (minutes)'
	@echo 'make test-cuts  cut database and journal at every byte (a quarter of an hour)'
	@echo 'make test-power-cut  cut the power of a store in a virtual machine 200 times (see tests/vm/powercut)'
	@echo 'make compare-barcodes  compare the barcode reader with zxing-cpp (half an hour; see benches/compare/barcodes)'
	@echo 'make lint     check the format and run clippy'
	@echo 'make runtime  fetch ONNX Runtime, unless it is there'
	@echo 'make sdk      fetch the SDKs that check our webhooks in the tests, unless they are there'
	@echo 'make clean    remove all that was built or fetched'

run: build runtime
	target/release/carded demo

build: ready
	$(BUILD)

test: ready-for-tests runtime sdk
	$(TEST) --all-targets
	$(TEST) --doc

compare-mrz: build runtime
	benches/compare/mrz

measure-mrz: ready-for-tests runtime
	$(TEST) --test mrz_views -- --ignored --nocapture

test-camera-vm: build
	tests/vm/camera

test-kill: ready-for-tests runtime
	CARDED_KILLS=900 $(TEST) --test durability kill -- --nocapture
	CARDED_APPLIANCE_KILLS=100 $(TEST) --test appliance kills -- --nocapture

test-faults: ready-for-tests
	CARDED_FAULTS=every $(TEST) --test durability faults -- --nocapture

test-cuts: ready-for-tests
	CARDED_CUTS=every $(TEST) --test durability cuts -- --nocapture

test-power-cut: ready
	tests/vm/powercut --fetch

compare-aamva: build
	benches/compare/aamva/run

fuzz:
	fuzz/run aamva 60
	fuzz/run mrz 60
	fuzz/run pass 60

drain: ready-for-tests runtime
	$(TEST) --test appliance -- --ignored --nocapture a_hundred_thousand_outcomes

compare-barcodes: build
	benches/compare/barcodes --plots docs/documents

switches: ready-for-tests runtime
	$(TEST) --lib switches -- --ignored --nocapture

measure-recapture: ready-for-tests
	$(TEST) --lib recapture_report -- --ignored --nocapture

lint: ready
	cargo fmt --check
	cargo clippy --release --locked --all-targets -- -D warnings

runtime: ready
	models/fetch-runtime

sdk: ready-for-tests
	tests/sdk/install

clean:
	rm -rf target

ready:
	@.ci/prerequisites

ready-for-tests:
	@.ci/prerequisites --tests
