package io.ringside.cpu;

/**
 * An exception of the guest's processor on its way to the guest's IDT. It is control flow: it has no stack trace, is
 * cheap to make and never changes. Vectors and error codes: Intel SDM vol. 3, 6.15 (exception reference).
 */
public final class GuestFault extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public static final int DIVIDE_ERROR = 0;
  public static final int DEBUG = 1;
  public static final int NMI = 2;
  public static final int BREAKPOINT = 3;
  public static final int OVERFLOW = 4;
  public static final int INVALID_OPCODE = 6;
  public static final int DEVICE_NOT_AVAILABLE = 7;
  public static final int DOUBLE_FAULT = 8;
  public static final int INVALID_TSS = 10;
  public static final int SEGMENT_NOT_PRESENT = 11;
  public static final int STACK_SEGMENT = 12;
  public static final int GENERAL_PROTECTION = 13;
  public static final int PAGE_FAULT = 14;
  public static final int X87_ERROR = 16;
  public static final int ALIGNMENT_CHECK = 17;
  public static final int SIMD_ERROR = 19;

  /** #UD. */
  public static final GuestFault UD = new GuestFault(INVALID_OPCODE, false, 0, 0);

  /** #NM. */
  public static final GuestFault NM = new GuestFault(DEVICE_NOT_AVAILABLE, false, 0, 0);

  /** #DE. */
  public static final GuestFault DE = new GuestFault(DIVIDE_ERROR, false, 0, 0);

  /** #DB; what caused it is in DR6 already. */
  public static final GuestFault DB = new GuestFault(DEBUG, false, 0, 0);

  /** #MF. */
  public static final GuestFault MF = new GuestFault(X87_ERROR, false, 0, 0);

  /** #XM. */
  public static final GuestFault XM = new GuestFault(SIMD_ERROR, false, 0, 0);

  /** #AC(0). */
  public static final GuestFault AC0 = new GuestFault(ALIGNMENT_CHECK, true, 0, 0);

  /** #GP(0). */
  public static final GuestFault GP0 = new GuestFault(GENERAL_PROTECTION, true, 0, 0);

  /** #SS(0). */
  public static final GuestFault SS0 = new GuestFault(STACK_SEGMENT, true, 0, 0);

  private static final String NAMES = "DEDBNMBPOFBRUDNMDF--TSNPSSGPPF--MFACMCXM";

  private final int vector;
  private final boolean hasErrorCode;
  private final int errorCode;
  private final long cr2;

  private GuestFault(int vector, boolean hasErrorCode, int errorCode, long cr2) {
    super(null, null, false, false);
    this.vector = vector;
    this.hasErrorCode = hasErrorCode;
    this.errorCode = errorCode;
    this.cr2 = cr2;
  }

  /** An exception that pushes an error code (8, 10 to 14, 17). */
  public static GuestFault withCode(int vector, int errorCode) {
    return new GuestFault(vector, true, errorCode, 0);
  }

  /** An exception without an error code. */
  public static GuestFault of(int vector) {
    return new GuestFault(vector, false, 0, 0);
  }

  /** #GP with a selector (or IDT vector) error code. */
  public static GuestFault gp(int errorCode) {
    return errorCode == 0 ? GP0 : new GuestFault(GENERAL_PROTECTION, true, errorCode, 0);
  }

  /** #NP with a selector error code. */
  public static GuestFault np(int errorCode) {
    return new GuestFault(SEGMENT_NOT_PRESENT, true, errorCode, 0);
  }

  /** #SS with a selector error code. */
  public static GuestFault ss(int errorCode) {
    return errorCode == 0 ? SS0 : new GuestFault(STACK_SEGMENT, true, errorCode, 0);
  }

  /** #TS with a selector error code. */
  public static GuestFault ts(int errorCode) {
    return new GuestFault(INVALID_TSS, true, errorCode, 0);
  }

  /** #PF with the error code of SDM vol. 3, 4.7, and the address that goes to CR2 when it is delivered. */
  public static GuestFault pageFault(int errorCode, long address) {
    return new GuestFault(PAGE_FAULT, true, errorCode, address);
  }

  /** The vector, 0 to 31. */
  public int vector() {
    return vector;
  }

  /** Whether delivery pushes {@link #errorCode()}. */
  public boolean hasErrorCode() {
    return hasErrorCode;
  }

  /** The error code, 0 where there is none. */
  public int errorCode() {
    return errorCode;
  }

  /** The faulting address, for #PF only. */
  public long cr2() {
    return cr2;
  }

  /** The mnemonic of an exception vector, such as {@code #PF}. */
  public static String name(int vector) {
    return 2 * vector + 2 <= NAMES.length() && vector >= 0
        ? "#" + NAMES.substring(2 * vector, 2 * vector + 2)
        : "vector " + vector;
  }

  /** One line, such as {@code #PF(0x2) at address 0x10}. */
  @Override
  public String getMessage() {
    StringBuilder text = new StringBuilder(name(vector));
    if (hasErrorCode) {
      text.append("(0x").append(Integer.toHexString(errorCode)).append(')');
    }
    if (vector == PAGE_FAULT) {
      text.append(" at address 0x").append(Long.toHexString(cr2));
    }
    return text.toString();
  }
}
