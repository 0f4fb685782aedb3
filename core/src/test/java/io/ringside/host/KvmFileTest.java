package io.ringside.host;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class KvmFileTest {
  private static final int ENOTTY = 25;
  private static final long NO_SUCH_REQUEST = 0xae80;

  @Test
  void bothWaysToCallTellTheError() {
    try (KvmFile file = KvmFile.open("/dev/null")) {
      assertThat(file.ioctl(NO_SUCH_REQUEST, 0)).isEqualTo(-ENOTTY);
      assertThat(file.ioctlQuickly(NO_SUCH_REQUEST, 0)).isEqualTo(-ENOTTY);
    }
  }
}
