package io.ringside.xen;

import static io.ringside.xen.StoreProtocol.READ;
import static io.ringside.xen.StoreProtocol.WATCH;
import static io.ringside.xen.StoreProtocol.WRITE;
import static org.assertj.core.api.Assertions.assertThat;

import io.ringside.host.NativeMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class XenStoreRingTest {
  private final StoreFrontend front = new StoreFrontend();
  private final NativeMemory ram = front.guest.ram;
  private final long page = front.page;

  XenStoreRingTest() {
    front.store.create("/local/domain/7/data", new StorePermission(7, StorePermission.NONE));
  }

  private int word(int offset) {
    return ram.getInt(page + offset);
  }

  private void word(int offset, int value) {
    ram.putInt(page + offset, value);
  }

  @Test
  void messagesMayComeInAnyPieces() {
    front.connect();
    byte[] message = StoreFrontend.message(WRITE, 1, 0, "data\0value");
    for (int i = 0; i < message.length; i++) {
      front.put(message, i, i + 1);
      front.store.ring().run();
      assertThat(word(XenStoreRing.REQUEST_CONS)).isEqualTo(i + 1);
    }
    assertThat(front.next().payload()).isEqualTo("OK\0");
    assertThat(front.ask(READ, "data\0")).isEqualTo("value");
  }

  @Test
  void severalRequestsAtOnce() {
    front.connect();
    for (int i = 0; i < 3; i++) {
      byte[] message = StoreFrontend.message(WRITE, i, 0, "data/" + i + "\0v");
      front.put(message, 0, message.length);
    }
    front.store.ring().run();
    for (int i = 0; i < 3; i++) {
      assertThat(front.next()).isEqualTo(new StoreFrontend.Reply(WRITE, i, 0, "OK\0"));
    }
    assertThat(front.notified).isPositive();
  }

  @Test
  void whatIsThereWhenTheRingConnectsIsTaken() {
    byte[] message = StoreFrontend.message(READ, 1, 0, "data\0");
    front.put(message, 0, message.length);
    front.connect();
    assertThat(front.next().type()).isEqualTo(READ);
  }

  @Test
  void indicesWrapAt2To32() {
    for (int offset = XenStoreRing.REQUEST_CONS; offset <= XenStoreRing.REPLY_PROD; offset += 4) {
      word(offset, -5);
    }
    assertThat(front.ask(WRITE, "data\0value")).isEqualTo("OK\0");
    assertThat(front.ask(READ, "data\0")).isEqualTo("value");
    assertThat(word(XenStoreRing.REQUEST_CONS)).isPositive();
  }

  @Test
  void repliesLongerThanTheRingAreSentInPieces() {
    front.store.write("/local/domain/7/data", "x".repeat(4096));
    assertThat(front.ask(READ, "data\0")).hasSize(4096);
    front.store.write("/local/domain/7/data", "x".repeat(4097));
    assertThat(front.ask(READ, "data\0")).isEqualTo("!E2BIG");
  }

  @Test
  void requestsWaitWhileRepliesDo() {
    front.connect();
    byte[] message = StoreFrontend.message(READ, 1, 0, "data\0");
    front.store.write("/local/domain/7/data", "x".repeat(1024));
    int sent = 0;
    while (word(XenStoreRing.REQUEST_PROD) - word(XenStoreRing.REQUEST_CONS) + message.length
        <= 1024) {
      front.put(message, 0, message.length);
      front.store.ring().run();
      sent++;
    }
    int waiting =
        (word(XenStoreRing.REQUEST_PROD) - word(XenStoreRing.REQUEST_CONS)) / message.length;
    assertThat(sent - waiting).isEqualTo(StoreAccounts.MAX_REPLIES);
    for (int i = 0; i < sent; i++) {
      assertThat(front.next().payload()).hasSize(1024);
    }
  }

  private void assertIgnored(int why) {
    assertThat(word(XenStoreRing.ERROR)).isEqualTo(why);
    int prod = word(XenStoreRing.REPLY_PROD);
    word(XenStoreRing.REQUEST_PROD, word(XenStoreRing.REQUEST_CONS));
    word(XenStoreRing.REPLY_CONS, prod);
    byte[] message = StoreFrontend.message(READ, 1, 0, "data\0");
    front.put(message, 0, message.length);
    front.store.ring().run();
    front.store.write("/local/domain/7/data", "x");
    assertThat(word(XenStoreRing.REPLY_PROD)).isEqualTo(prod);
  }

  @ParameterizedTest
  @ValueSource(ints = {1025, -1, Integer.MIN_VALUE})
  void aRequestIndexThatMakesNoSenseEndsIt(int prod) {
    front.connect();
    word(XenStoreRing.REQUEST_PROD, prod);
    front.store.ring().run();
    assertIgnored(XenStoreRing.ERROR_INDEX);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, -1025, Integer.MIN_VALUE})
  void aReplyIndexThatMakesNoSenseEndsIt(int cons) {
    front.connect();
    word(XenStoreRing.REPLY_CONS, cons);
    front.store.ring().run();
    assertThat(word(XenStoreRing.ERROR)).isZero();

    byte[] message = StoreFrontend.message(WATCH, 1, 0, "data\0t\0");
    front.put(message, 0, message.length);
    front.store.ring().run();
    assertIgnored(XenStoreRing.ERROR_INDEX);
  }

  @ParameterizedTest
  @ValueSource(ints = {4097, -1})
  void aMessageThatIsTooLongEndsIt(int length) {
    front.connect();
    byte[] message = StoreFrontend.message(WRITE, 1, 0, "");
    for (int i = 0; i < 4; i++) {
      message[12 + i] = (byte) (length >>> 8 * i);
    }
    front.put(message, 0, 16);
    front.store.ring().run();
    assertIgnored(XenStoreRing.ERROR_PROTOCOL);
  }

  @Test
  void theLongestMessageIsTaken() {
    String value = "x".repeat(4096 - 5);
    assertThat(front.ask(WRITE, "data\0" + value)).isEqualTo("!ENOSPC");
  }

  @Test
  void withoutAPageNothingHappens() {
    front.store.ring().run();
    assertThat(front.notified).isZero();
  }
}
