package io.ringside.devices;

/**
 * The calendar of the real-time clock: seconds since 1970 UTC to and from its registers, in BCD or binary, 12 or 24 hours.
 * Days are counted by the usual shift to years that begin in March, so that the leap day comes last.
 */
final class CalendarTime {
  private static final int REGISTER_B = 0x0b;
  private static final int B_BINARY = 0x04;
  private static final int B_24_HOURS = 0x02;
  private static final int CENTURY = 0x32;
  private static final long DAY = 86_400;

  CalendarTime() {}

  /** Writes the registers of the time {@code epochSecond}. */
  void load(long epochSecond, int[] ram) {
    long days = Math.floorDiv(epochSecond, DAY);
    int second = (int) Math.floorMod(epochSecond, DAY);
    ram[0] = encode(second % 60, ram);
    ram[2] = encode(second / 60 % 60, ram);
    ram[4] = encodeHour(second / 3600, ram);
    ram[6] =
        encode(
            (int) Math.floorMod(days + 4, 7L) + 1,
            ram); // 1 January 1970 was a Thursday; Sunday is 1.
    long shifted = days + 719_468; // Days since 1 March of year 0.
    long era = Math.floorDiv(shifted, 146_097L);
    int dayOfEra = (int) Math.floorMod(shifted, 146_097L);
    int yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365;
    int dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100);
    int month = (5 * dayOfYear + 2) / 153;
    int day = dayOfYear - (153 * month + 2) / 5 + 1;
    int civilMonth = month < 10 ? month + 3 : month - 9;
    int year = (int) (era * 400) + yearOfEra + (civilMonth <= 2 ? 1 : 0);
    ram[7] = encode(day, ram);
    ram[8] = encode(civilMonth, ram);
    ram[9] = encode(year % 100, ram);
    ram[CENTURY] = encodeBcd(year / 100);
  }

  /** Seconds since 1970 of the time in the registers. */
  long store(int[] ram) {
    int year = (ram[CENTURY] >>> 4) * 1000 + (ram[CENTURY] & 15) * 100 + decode(ram[9], ram);
    int month = Math.clamp(decode(ram[8], ram), 1, 12);
    int day = decode(ram[7], ram);
    long shiftedYear = month <= 2 ? year - 1 : year;
    long era = Math.floorDiv(shiftedYear, 400L);
    long yearOfEra = Math.floorMod(shiftedYear, 400L);
    long dayOfYear = (153L * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    long days =
        era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468;
    return days * DAY
        + decodeHour(ram[4], ram) * 3600L
        + decode(ram[2], ram) * 60L
        + decode(ram[0], ram);
  }

  /**
   * The first second after {@code epochSecond} that matches the alarm registers, of which C0h to FFh match anything; or
   * {@link Long#MAX_VALUE} if none ever does.
   */
  long nextAlarm(long epochSecond, int[] ram) {
    long second = epochSecond + 1;
    long limit = epochSecond + 2 * DAY;
    while (second <= limit) {
      int ofDay = (int) Math.floorMod(second, DAY);
      if (ram[5] < 0xc0 && ram[5] != encodeHour(ofDay / 3600, ram)) {
        second += 3600 - ofDay % 3600;
      } else if (ram[3] < 0xc0 && ram[3] != encode(ofDay / 60 % 60, ram)) {
        second += 60 - ofDay % 60;
      } else if (ram[1] < 0xc0 && ram[1] != encode(ofDay % 60, ram)) {
        second++;
      } else {
        return second;
      }
    }
    return Long.MAX_VALUE;
  }

  private static int encode(int value, int[] ram) {
    return (ram[REGISTER_B] & B_BINARY) != 0 ? value : encodeBcd(value);
  }

  private static int encodeBcd(int value) {
    return value / 10 << 4 | value % 10;
  }

  private static int decode(int value, int[] ram) {
    return (ram[REGISTER_B] & B_BINARY) != 0 ? value : (value >>> 4) * 10 + (value & 15);
  }

  /** In 12-hour mode midnight and noon are 12, and bit 7 is PM. */
  private static int encodeHour(int hour, int[] ram) {
    if ((ram[REGISTER_B] & B_24_HOURS) != 0) {
      return encode(hour, ram);
    }
    return encode((hour + 11) % 12 + 1, ram) | (hour >= 12 ? 0x80 : 0);
  }

  private static int decodeHour(int value, int[] ram) {
    if ((ram[REGISTER_B] & B_24_HOURS) != 0) {
      return decode(value, ram);
    }
    return decode(value & 0x7f, ram) % 12 + ((value & 0x80) != 0 ? 12 : 0);
  }
}
