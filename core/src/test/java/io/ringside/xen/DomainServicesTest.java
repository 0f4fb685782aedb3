package io.ringside.xen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class DomainServicesTest {
  private static final int EVTCHNOP_SEND = 4;

  private final ServiceGuest guest = new ServiceGuest();
  private final long console = guest.buffer >>> 12;
  private final long store = console + 1;
  private final DomainServices.Ports ports =
      DomainServices.connect(guest.domain, console, store, 4096);

  private long send(int port) {
    guest.ram.putInt(guest.buffer + 8192, port);
    return guest.call(HypercallNumber.EVENT_CHANNEL_OP, EVTCHNOP_SEND, ServiceGuest.BUFFER + 8192);
  }

  private boolean pending(int port) {
    return (guest.ram.getByte(guest.domain.sharedInfo() + SharedInfo.EVTCHN_PENDING + port / 8)
                >>> port % 8
            & 1)
        != 0;
  }

  @Test
  void theConsoleAnswersItsEventChannel() {
    guest.ram.putByte(guest.buffer + ConsoleRing.OUT, '!');
    guest.ram.putInt(guest.buffer + ConsoleRing.OUT_PROD, 1);
    assertThat(pending(ports.console())).isFalse();
    assertThat(send(ports.console())).isZero();
    assertThat(guest.console.toString()).isEqualTo("!");
    assertThat(pending(ports.console())).isTrue();
  }

  @Test
  void xenStoreAnswersItsEventChannel() {
    byte[] message = StoreFrontend.message(StoreProtocol.READ, 1, 0, "console/port\0");
    guest.ram.write(guest.buffer + 4096, message, 0, message.length);
    guest.ram.putInt(guest.buffer + 4096 + XenStoreRing.REQUEST_PROD, message.length);
    assertThat(send(ports.store())).isZero();
    assertThat(pending(ports.store())).isTrue();
    assertThat(guest.ram.getByte(guest.buffer + 4096 + 1024 + 16) - '0').isEqualTo(ports.console());
  }

  @Test
  void whoWatchesTheDomainIsToldOfItsEnd() {
    List<String> seen = new ArrayList<>();
    guest.domain.store().onRelease(seen::add);
    guest.domain.crash("test");
    guest.domain.crash("again");
    assertThat(seen).containsExactly("@releaseDomain");
  }

  @Test
  void theToolsHaveGrantsOfTheRings() {
    GrantEntries grants = guest.domain.grantTable().entries();
    assertThat(grants.flags(0)).isEqualTo(GrantEntries.PERMIT_ACCESS);
    assertThat(grants.entryFrame(0)).isEqualTo(console);
    assertThat(grants.entryFrame(1)).isEqualTo(store);
    assertThat(grants.grantee(1)).isZero();
  }

  @Test
  void theRingsStayWritablePages() {
    guest.guest.protect(448);
    assertThat(guest.guest.mmuExtended(0, console, 0)).isEqualTo(-Errno.EINVAL);
    assertThatThrownBy(() -> DomainServices.connect(guest.domain, 1, store, 4096))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
