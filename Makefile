# SPDX-License-Identifier: Apache-2.0
# binancefeeder: `make demo` to watch it work, `make test` to see it proved, `make help` for the rest.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
VERSION := 2.0.0

CC       ?= cc
OPTIMIZE ?= -O2 -g
SANITIZE ?=
WARN     := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wformat=2 -Wvla $(WERROR)
HARDEN   := -fstack-protector-strong -fPIE $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
CFLAGS   ?=
# Compiler and flags chosen by the user come last, so they win.
ALL_CFLAGS = -std=c17 -D_GNU_SOURCE -DBF_VERSION='"$(VERSION)"' -I. $(OPTIMIZE) $(WARN) $(HARDEN) $(SANITIZE) \
	-MMD -MP $(CFLAGS)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE) $(LDFLAGS)

BIN     := $(BUILD)/bin
LIBEXEC := $(BUILD)/libexec/binancefeeder

sources = $(wildcard $(addsuffix /*.c,$(1)))
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(call sources,$(1)))

COMMON := $(BUILD)/libcommon.a
CONFIG := $(BUILD)/libconfig.a

PROGRAMS := $(BIN)/binancefeeder $(addprefix $(LIBEXEC)/,supervisor stream backfill writer gateway)
EXCHANGE := $(BUILD)/tests/exchange
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

.PHONY: fuzz fuzzers soak interop build deps install test everything unit scenario fmt fmt-check run demo bench clean help docs
.DEFAULT_GOAL := build

build: $(PROGRAMS)

# ---- programs: which directory and which libraries each links ----

$(BIN)/binancefeeder:     $(call objects,cli) $(CONFIG) $(COMMON)
$(LIBEXEC)/supervisor:    $(call objects,supervisor) $(CONFIG) $(COMMON)
$(LIBEXEC)/stream:        $(call objects,workers/stream) $(COMMON)
$(LIBEXEC)/backfill:      $(call objects,workers/backfill) $(COMMON)
$(LIBEXEC)/writer:        $(call objects,workers/writer) $(CONFIG) $(COMMON)
$(LIBEXEC)/gateway:       $(call objects,workers/gateway) $(COMMON)
$(EXCHANGE):              $(call objects,tests/exchange) $(COMMON)

$(BIN)/binancefeeder: LDLIBS = -levent_core -lyaml -lsqlite3 -lcjson -lsnappy -lcurl -lmsgpackc -lm
$(LIBEXEC)/supervisor: LDLIBS = -levent_core -lyaml
$(LIBEXEC)/stream: LDLIBS = -lwebsockets -lnanomsg -lcrypto -lcap
$(LIBEXEC)/backfill: LDLIBS = -lcurl -levent_core -lnanomsg -lcjson -lcrypto
$(LIBEXEC)/writer: LDLIBS = -levent_core -lnanomsg -lsqlite3 -lsnappy -lcurl -lmsgpackc -lpthread -lm
$(LIBEXEC)/gateway: LDLIBS = -levent_core -levent_extra -lmsgpackc -lsqlite3 -lcjson -lsnappy -lm
$(EXCHANGE): LDLIBS = -levent_core -levent_extra -levent_openssl -lssl -lcrypto -lcjson -lz -lm

$(PROGRAMS) $(EXCHANGE):
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(LDLIBS)

$(COMMON): $(call objects,common)
$(CONFIG): $(call objects,config)
$(COMMON) $(CONFIG):
	@rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

# ---- unit tests: a line "// LINK: a.c b.c -lfoo" names what a test links beside common/ and config/ ----

link_line = $(shell sed -n 's|^// LINK: ||p' tests/unit/$(1).c)
link_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter %.c,$(call link_line,$(1))))

.SECONDEXPANSION:
$(BUILD)/tests/test_%: $(BUILD)/obj/tests/unit/test_%.o $$(call link_objects,test_$$*) $(CONFIG) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(CONFIG) $(COMMON) $(filter -l%,$(call link_line,test_$*)) \
		-lcmocka -lyaml -levent_core -lnanomsg -lsqlite3 -lcjson -lcrypto -lsnappy -lpthread -lm

# ---- support programs of tests: one source each in tests/support, "// LINK:" as in unit tests ----

SUPPORT := $(patsubst tests/support/%.c,$(BUILD)/tests/support/%,$(wildcard tests/support/*.c))
support_line = $(shell sed -n 's|^// LINK: ||p' tests/support/$(1).c)
support_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter %.c,$(call support_line,$(1))))

$(BUILD)/tests/support/%: $(BUILD)/obj/tests/support/%.o $$(call support_objects,$$*) $(CONFIG) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(CONFIG) $(COMMON) $(filter -l%,$(call support_line,$*)) \
		-lyaml -levent_core -lnanomsg -lsqlite3 -lcjson -lcrypto -lsnappy -lpthread -lm

# ---- fuzzers: one source each in tests/fuzz, "// LINK:" as in unit tests; "// CORPUS: a b" names the folders of
# tests/corpus with its inputs ----

FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/tests/fuzz/%,$(wildcard tests/fuzz/*.c))
FUZZ_S  ?= 60
fuzz_line = $(shell sed -n 's|^// LINK: ||p' tests/fuzz/$(1).c)
fuzz_corpus = $(addprefix tests/corpus/,$(shell sed -n 's|^// CORPUS: ||p' tests/fuzz/$(1).c))
fuzz_objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(filter %.c,$(call fuzz_line,$(1))))

$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $$(call fuzz_objects,$$*) $(CONFIG) $(COMMON)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(CONFIG) $(COMMON) \
		$(filter -l%,$(call fuzz_line,$*)) -lsqlite3 -lsnappy -lm

# ---- what a user types ----

help:
	@echo "make demo         installs what is missing, builds, and shows backfill and live bars against a simulated exchange"
	@echo "make test         installs what is missing, builds, runs unit and scenario tests"
	@echo "make unit         only the unit tests; make scenario: only those"
	@echo "make interop      MarketStore's own client, and a stock server where there is one, against our store"
	@echo "make soak         kills processes at random while all kinds of data flow, then compares (MINUTES=15 SYMBOLS=10 SEED=...)"
	@echo "make fuzz         feeds the decoders of outside bytes with nonsense (FUZZ_S=60 seconds each)"
	@echo "make run          the same program against Binance, with config/binancefeeder.yml"
	@echo "make build        builds into $(BUILD)/"
	@echo "make install      copies the programs to DESTDIR/PREFIX ($(DESTDIR)$(PREFIX))"
	@echo "make bench        measures speed, latency and memory"
	@echo "make fmt          formats the sources; fmt-check only says what differs"
	@echo "make docs         writes the generated parts: README's table of keys, config/reference.yml"
	@echo "make deps clean   the packages alone; remove $(BUILD)/"

deps:
	@packaging/deps.sh

demo: deps
	@$(MAKE) -s build $(EXCHANGE)
	@python3 tests/demo.py --build $(BUILD)

test: deps
	@$(MAKE) -s everything
	@packaging/venv.sh $(BUILD)/venv || test $$? = 75
	@python3 tests/run.py --build $(BUILD) $(TESTS)

# Everything that tests need; `make unit` and `make scenario` run a part.
everything: build $(EXCHANGE) $(UNITS) $(SUPPORT)

unit scenario: everything
	@python3 tests/run.py --build $(BUILD) $@

run: build
	$(BIN)/binancefeeder run --config config/binancefeeder.yml

bench: deps
	@$(MAKE) -s build $(EXCHANGE) $(SUPPORT)
	@packaging/venv.sh $(BUILD)/venv || test $$? = 75
	@python3 tests/bench.py --build $(BUILD)

# The unmodified client against the gateway, and a stock MarketStore server (on PATH, or MARKETSTORE=...) on our tree.
interop: deps
	@$(MAKE) -s everything
	@packaging/venv.sh $(BUILD)/venv || test $$? = 75
	@python3 tests/run.py --build $(BUILD) interop

# Stops by itself; a failure keeps everything and says where, and the seed.
MINUTES ?= 15
SYMBOLS ?= 10
soak: deps
	@$(MAKE) -s build $(EXCHANGE)
	@python3 tests/soak.py --build $(BUILD) --minutes $(MINUTES) --symbols $(SYMBOLS) $(if $(SEED),--seed $(SEED))

# For FUZZ_S seconds each; what is found lies in the current directory, new inputs in $(BUILD)/fuzz/corpus.
fuzz: deps
	@$(MAKE) -s BUILD=$(BUILD)/fuzz CC=clang OPTIMIZE="-O1 -g" fuzzers \
		SANITIZE="-fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined"
	@$(MAKE) -s --no-print-directory $(addprefix fuzz-,$(notdir $(FUZZERS)))

fuzz-%:
	@mkdir -p $(BUILD)/fuzz/corpus/$*
	$(BUILD)/fuzz/tests/fuzz/$* -max_total_time=$(FUZZ_S) -timeout=5 -rss_limit_mb=2048 -verbosity=0 \
		-print_final_stats=1 $(BUILD)/fuzz/corpus/$* $(call fuzz_corpus,$*)

fuzzers: $(FUZZERS)

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/binancefeeder \
		$(DESTDIR)$(PREFIX)/share/doc/binancefeeder/docs $(DESTDIR)$(PREFIX)/share/binancefeeder/python
	install -m 755 $(BIN)/binancefeeder $(DESTDIR)$(PREFIX)/bin/
	install -m 755 $(wildcard $(LIBEXEC)/*) $(DESTDIR)$(PREFIX)/libexec/binancefeeder/
	install -m 644 README.md LICENSE config/*.yml $(DESTDIR)$(PREFIX)/share/doc/binancefeeder/
	install -m 644 docs/*.md $(DESTDIR)$(PREFIX)/share/doc/binancefeeder/docs/
	install -m 644 python/binancefeeder.py python/pyproject.toml $(DESTDIR)$(PREFIX)/share/binancefeeder/python/

FORMATTED = $(shell git ls-files '*.c' '*.h')

fmt:
	clang-format -i $(FORMATTED)

fmt-check:
	clang-format --dry-run --Werror $(FORMATTED)

docs: build
	$(BIN)/binancefeeder check --example > config/reference.yml
	python3 packaging/readme-table.py README.md $(BIN)/binancefeeder

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
