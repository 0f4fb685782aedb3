package io.ringside.x86;

import java.util.Set;

/**
 * Where objdump (binutils 2.40 to 2.44) and the processors that Ringside shows to its guests differ, by mnemonic. The
 * differences of validity were tried on an AMD processor in user mode, which agrees with our side of each.
 */
final class BinutilsDeviations {
  /** Instructions of features that Ringside never shows; objdump knows them. Opmask and AMX ones are told by prefix. */
  private static final Set<String> NEVER_SHOWN =
      Set.of(
          "aadd",
          "aand",
          "aor",
          "axor",
          "aesdec128kl",
          "aesdec256kl",
          "aesdecwide128kl",
          "aesdecwide256kl",
          "aesenc128kl",
          "aesenc256kl",
          "aesencwide128kl",
          "aesencwide256kl",
          "encodekey128",
          "encodekey256",
          "loadiwkey",
          "clgi",
          "stgi",
          "skinit",
          "invlpga",
          "invlpgb",
          "tlbsync",
          "vmrun",
          "vmmcall",
          "vmgexit",
          "vmload",
          "vmsave",
          "vmcall",
          "vmclear",
          "vmfunc",
          "vmlaunch",
          "vmptrld",
          "vmptrst",
          "vmread",
          "vmresume",
          "vmwrite",
          "vmxoff",
          "vmxon",
          "invept",
          "invvpid",
          "getsec",
          "clrssbsy",
          "setssbsy",
          "saveprevssp",
          "rstorssp",
          "incsspd",
          "incsspq",
          "wrssd",
          "wrssq",
          "wrussd",
          "wrussq",
          "clui",
          "stui",
          "testui",
          "uiret",
          "senduipi",
          "clzero",
          "mcommit",
          "monitorx",
          "mwaitx",
          "rdpru",
          "psmash",
          "pvalidate",
          "rmpadjust",
          "rmpquery",
          "rmpupdate",
          "encls",
          "enclu",
          "enclv",
          "enqcmd",
          "enqcmds",
          "movdir64b",
          "movdiri",
          "pconfig",
          "ptwrite",
          "rdpkru",
          "wrpkru",
          "rdmsrlist",
          "wrmsrlist",
          "wrmsrns",
          "seamcall",
          "seamops",
          "seamret",
          "tdcall",
          "serialize",
          "tpause",
          "umonitor",
          "umwait",
          "xend",
          "xtest",
          "xabort",
          "xbegin",
          "xresldtrk",
          "xsusldtrk",
          "xrstors",
          "xrstors64",
          "xsaves",
          "xsaves64",
          "femms",
          "rsm",
          "ud0",
          "ud1",
          "ud2",
          "hreset",
          "prefetchit0",
          "prefetchit1",
          "vbcstnebf162ps",
          "vbcstnesh2ps",
          "vcvtneebf162ps",
          "vcvtneeph2ps",
          "vcvtneobf162ps",
          "vcvtneoph2ps",
          "vpdpbssd",
          "vpdpbssds",
          "vpdpbsud",
          "vpdpbsuds",
          "vpdpbuud",
          "vpdpbuuds",
          "vpdpwsud",
          "vpdpwsuds",
          "vpdpwusd",
          "vpdpwusds",
          "vpdpwuud",
          "vpdpwuuds",
          "vsha512msg1",
          "vsha512msg2",
          "vsha512rnds2",
          "vsm3msg1",
          "vsm3msg2",
          "vsm3rnds2",
          "vsm4key4",
          "vsm4rnds4",
          "vpermil2pd",
          "vpermil2ps",
          "ldtilecfg",
          "sttilecfg",
          "{vex}");

  /** FMA4, opmask registers, AMX and CMPccXADD. */
  private static final Set<String> NEVER_SHOWN_STEMS =
      Set.of("vfmadd", "vfmsub", "vfnmadd", "vfnmsub", "tdp", "tile", "tcmm");

  private static final Set<String> OPMASK_STEMS =
      Set.of("kadd", "kand", "kmov", "knot", "kor", "kshift", "ktest", "kunpck", "kxnor", "kxor");

  /** objdump ignores a 66, F2 or F3 prefix, or VEX.pp, where the processor raises #UD. */
  private static final Set<String> PREFIX_NOT_ALLOWED =
      Set.of(
          "clac",
          "stac",
          "monitor",
          "mwait",
          "xgetbv",
          "xsetbv",
          "fxsave",
          "fxsave64",
          "fxrstor",
          "fxrstor64",
          "xsavec",
          "xsavec64",
          "ldmxcsr",
          "stmxcsr",
          "sfence",
          "pmovmskb",
          "vldmxcsr",
          "vstmxcsr",
          "vzeroall",
          "vzeroupper");

  /** objdump overlooks an invalid ModRM.reg: CS and reserved segment, control and debug registers; EXTRQ's group. */
  private static final Set<String> REG_NOT_ALLOWED = Set.of("mov", "extrq", "frstpm(287");

  /**
   * Processors execute what objdump calls bad: aliases of x87 register forms, ignored prefixes (BSF, BSR, WBINVD), any
   * rm in fences. The register form of 0F 0D is a NOP on Intel's and undefined on AMD's processors.
   */
  private static final Set<String> DEFINED =
      Set.of(
          "bsf", "bsr", "wbinvd", "mfence", "sfence", "lfence", "nop", "fcom2", "fcomp3", "fcomp5",
          "fstp1", "fstp8", "fstp9", "fxch4", "fxch7");

  /**
   * Texts that differ. objdump names hints by the features that we never show, follows AMD in near branches with a 66
   * prefix and in far pointers with REX.W, shows by a suffix what we show by the operands or not at all, misreads a
   * redundant 66 or REX.W of some, and REX.B of PAUSE.
   */
  private static final Set<String> TEXT =
      Set.of(
          "bndcl",
          "bndcn",
          "bndcu",
          "bndldx",
          "bndmk",
          "bndmov",
          "bndstx",
          "cldemote",
          "rdsspd",
          "rdsspq",
          "wbnoinvd",
          "fldenvw",
          "fnsavew",
          "fnstenvw",
          "frstorw",
          "fndisi(8087",
          "fneni(8087",
          "fnsetpm(287",
          "call",
          "jmp",
          "lfs",
          "lgs",
          "lss",
          "lddqu",
          "vlddqu",
          "movdq2q",
          "movq2dq",
          "movmskpd",
          "movmskps",
          "pmovmskb",
          "vmovmskpd",
          "vmovmskps",
          "vpmovmskb",
          "vmovss",
          "vmovsd",
          "pause",
          "pcmpestriq",
          "pcmpestrmq",
          "vpcmpestriq",
          "vpcmpestrmq",
          "rdfsbase",
          "rdgsbase",
          "wrfsbase",
          "wrgsbase",
          "retw",
          "xchg");

  private BinutilsDeviations() {}

  /** objdump takes it for an instruction, we do not. */
  static boolean undefinedIsRight(String mnemonic) {
    return isNeverShown(mnemonic)
        || PREFIX_NOT_ALLOWED.contains(mnemonic)
        || REG_NOT_ALLOWED.contains(mnemonic);
  }

  static boolean isNeverShown(String mnemonic) {
    if (NEVER_SHOWN.contains(mnemonic) || mnemonic.startsWith("cmp") && mnemonic.endsWith("xadd")) {
      return true;
    }
    for (String stem : NEVER_SHOWN_STEMS) {
      if (mnemonic.startsWith(stem) && !isFma3(mnemonic)) {
        return true;
      }
    }
    for (String stem : OPMASK_STEMS) {
      if (mnemonic.startsWith(stem)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isFma3(String mnemonic) {
    return mnemonic.contains("132") || mnemonic.contains("213") || mnemonic.contains("231");
  }

  /** We take it for an instruction, objdump does not. */
  static boolean definedIsRight(String mnemonic) {
    return DEFINED.contains(mnemonic);
  }

  /** objdump gives near branches with a 66 prefix a displacement of two bytes, as AMD's processors do. */
  static boolean lengthMayDiffer(Instruction instruction) {
    return instruction.operandSizePrefix
        && switch (instruction.opcode.kind()) {
          case CALL_RELATIVE, JMP_RELATIVE, JCC -> true;
          default -> false;
        };
  }

  static boolean textMayDiffer(String mnemonic) {
    return TEXT.contains(mnemonic);
  }
}
