package io.ringside.x86;

/**
 * System instructions, and the opcodes that a processor without the features {@link Feature#NEVER} names treats as
 * undefined but that a diagnosis should name. The notation is explained at {@link OpcodeRow}.
 */
final class SystemOpcodes {
  static final String TEXT =
      """
      [BASE]
      0F00/0 sldt =Ev/w SLDT
      0F00/1 str =Ev/w STR
      0F00/2 lldt Ew LLDT
      0F00/3 ltr Ew LTR
      0F00/4 verr Ew w:z VERR
      0F00/5 verw Ew w:z VERW
      0F01/0 sgdt =Ms SGDT
      0F01/1 sidt =Ms SIDT
      0F01/2 lgdt Ms LGDT
      0F01/3 lidt Ms LIDT
      0F01/4 smsw =Ev/w SMSW
      0F01/6 lmsw Ew LMSW
      0F01/7 invlpg Mb/n INVLPG
      NP.0F01:C8 monitor - MONITOR @SSE3
      NP.0F01:C9 mwait - MWAIT @SSE3
      NP.0F01:CA clac - CLAC @SMAP
      NP.0F01:CB stac - STAC @SMAP
      NP.0F01:D0 xgetbv - XGETBV @XSAVE
      NP.0F01:D1 xsetbv - XSETBV @XSAVE
      NP.0F01:E8 serialize - NOP @SERIALIZE
      0F01:F8 swapgs - SWAPGS
      0F01:F9 rdtscp - RDTSCP @RDTSCP
      0F02 lar +Gv,Ev/w w:z LAR
      0F03 lsl +Gv,Ev/w w:z LSL
      0F05 syscall - f64 r:* SYSCALL
      0F06 clts - CLTS
      0F07 sysret - w:* SYSRET
      0F08 invd - INVD
      0F09 wbinvd - WBINVD
      0F0B ud2 - UNDEFINED
      0F20 mov =Rq,Cq f64 MOV_FROM_CR
      0F21 mov =Rq,Dq f64 MOV_FROM_DR
      0F22 mov =Cq,Rq f64 MOV_TO_CR
      0F23 mov =Dq,Rq f64 MOV_TO_DR
      0F30 wrmsr - WRMSR
      0F31 rdtsc - RDTSC
      0F32 rdmsr - RDMSR
      0F33 rdpmc - RDPMC
      0F34 sysenter - SYSENTER
      0F35 sysexit - SYSEXIT
      NP.0FAE/0 fxsave =MX fpu FXSAVE
      NP.0FAE/1 fxrstor MX fpu FXRSTOR
      NP.0FAE/4 xsave +Mn fpu XSAVE @XSAVE
      NP.0FAE/5 xrstor Mn fpu XRSTOR @XSAVE
      NP.0FAE/6 xsaveopt +Mn fpu XSAVEOPT @XSAVEOPT
      NP.0FAE/7 clflush Mb CACHE_LINE
      66.0FAE/6 clwb Mb CACHE_LINE @CLWB
      66.0FAE/7 clflushopt Mb CACHE_LINE @CLFLUSHOPT
      NP.0FAE/5 lfence - register
      NP.0FAE/6 mfence - register
      NP.0FAE/7 sfence - register
      F3.0FAE/0 rdfsbase =Ry RDFSBASE @FSGSBASE
      F3.0FAE/1 rdgsbase =Ry RDGSBASE @FSGSBASE
      F3.0FAE/2 wrfsbase Ry WRFSBASE @FSGSBASE
      F3.0FAE/3 wrgsbase Ry WRGSBASE @FSGSBASE
      NP.0FC7/4 xsavec +Mn fpu XSAVEC @XSAVEC
      F3.0FC7/7 rdpid =Rq f64 RDPID @RDPID
      66.0F3882 invpcid Gq,Mn/o INVPCID @INVPCID
      0FB9 ud1 Gv,Ev UNDEFINED
      0FFF ud0 Gv,Ev UNDEFINED
      06 (bad) - UNDEFINED
      07 (bad) - UNDEFINED
      0E (bad) - UNDEFINED
      16 (bad) - UNDEFINED
      17 (bad) - UNDEFINED
      1E (bad) - UNDEFINED
      1F (bad) - UNDEFINED
      27 (bad) - UNDEFINED
      2F (bad) - UNDEFINED
      37 (bad) - UNDEFINED
      3F (bad) - UNDEFINED
      60 (bad) - UNDEFINED
      61 (bad) - UNDEFINED
      82 (bad) - UNDEFINED
      9A (bad) - UNDEFINED
      CE (bad) - UNDEFINED
      D4 (bad) - UNDEFINED
      D5 (bad) - UNDEFINED
      D6 (bad) - UNDEFINED
      EA (bad) - UNDEFINED
      [NEVER]
      C6:F8 xabort Ib UNDEFINED
      C7:F8 xbegin Jz UNDEFINED
      0F01:C1 vmcall - UNDEFINED
      0F01:C2 vmlaunch - UNDEFINED
      0F01:C3 vmresume - UNDEFINED
      0F01:C4 vmxoff - UNDEFINED
      NP.0F01:C0 enclv - UNDEFINED
      NP.0F01:C5 pconfig - UNDEFINED
      NP.0F01:CF encls - UNDEFINED
      NP.0F01:D4 vmfunc - UNDEFINED
      NP.0F01:D5 xend - UNDEFINED
      NP.0F01:D6 xtest - UNDEFINED
      NP.0F01:D7 enclu - UNDEFINED
      0F01:D8 vmrun - UNDEFINED
      0F01:D9 vmmcall - UNDEFINED
      0F01:DA vmload - UNDEFINED
      0F01:DB vmsave - UNDEFINED
      0F01:DC stgi - UNDEFINED
      0F01:DD clgi - UNDEFINED
      0F01:DE skinit - UNDEFINED
      0F01:DF invlpga - UNDEFINED
      NP.0F01:EE rdpkru - UNDEFINED
      NP.0F01:EF wrpkru - UNDEFINED
      0F01:FA monitorx - UNDEFINED
      0F01:FB mwaitx - UNDEFINED
      0F01:FC clzero - UNDEFINED
      0F01:FD rdpru - UNDEFINED
      0F01:FE invlpgb - UNDEFINED
      0F01:FF tlbsync - UNDEFINED
      0F0E femms - UNDEFINED
      0F37 getsec - UNDEFINED
      NP.0F78 vmread =Eq,Gq UNDEFINED
      NP.0F79 vmwrite Gq,Eq UNDEFINED
      0FAA rsm - UNDEFINED
      NP.0FC7/3 xrstors Mn UNDEFINED
      NP.0FC7/5 xsaves +Mn UNDEFINED
      NP.0FC7/6 vmptrld Mq UNDEFINED
      66.0FC7/6 vmclear Mq UNDEFINED
      F3.0FC7/6 vmxon Mq UNDEFINED
      NP.0FC7/7 vmptrst =Mq UNDEFINED
      66.0F3880 invept Gq,Mn/o UNDEFINED
      66.0F3881 invvpid Gq,Mn/o UNDEFINED
      """;

  private SystemOpcodes() {}
}
