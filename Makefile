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

PROGRAMS := $(BIN)/binancefeeder $(addprefix $(LIBEXEC)/,supervisor stream backfill writer)
EXCHANGE := $(BUILD)/tests/exchange
UNITS    := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/test_*.c))

.PHONY: build deps install test unit scenario fmt fmt-check run demo bench clean help docs
.DEFAULT_GOAL := build

build: $(PROGRAMS)

# ---- programs: which directory and which libraries each links (README, "Processes") ----

$(BIN)/binancefeeder:     $(call objects,cli) $(CONFIG) $(COMMON)
$(LIBEXEC)/supervisor:    $(call objects,supervisor) $(CONFIG) $(COMMON)
$(LIBEXEC)/stream:        $(call objects,workers/stream) $(COMMON)
$(LIBEXEC)/backfill:      $(call objects,workers/backfill) $(COMMON)
$(LIBEXEC)/writer:        $(call objects,workers/writer) $(COMMON)
$(EXCHANGE):              $(call objects,tests/exchange) $(COMMON)

$(BIN)/binancefeeder: LDLIBS = -lyaml -lsqlite3 -lcjson -lm
$(LIBEXEC)/supervisor: LDLIBS = -levent_core -lyaml
$(LIBEXEC)/stream: LDLIBS = -lwebsockets -lnanomsg -lcjson -lcrypto -lcap
$(LIBEXEC)/backfill: LDLIBS = -lcurl -levent_core -lnanomsg -lcjson -lcrypto
$(LIBEXEC)/writer: LDLIBS = -levent_core -lnanomsg -lsqlite3 -lpthread -lm
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
		-lcmocka -lyaml -levent_core -lnanomsg -lsqlite3 -lcjson -lcrypto -lpthread -lm

unit: $(UNITS)
scenario-programs: build $(EXCHANGE)

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

clean:
	rm -rf $(BUILD)
