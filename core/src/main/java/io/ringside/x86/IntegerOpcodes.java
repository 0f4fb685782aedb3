package io.ringside.x86;

/**
 * The general-purpose instructions of the one-byte and 0F maps (Intel SDM volume 2, appendix A; AMD APM volume 3). The
 * notation is explained at {@link OpcodeRow}.
 */
final class IntegerOpcodes {
  static final String TEXT =
      """
      [BASE]
      00 add +Eb,Gb lock w:*
      01 add +Ev,Gv lock w:*
      02 add +Gb,Eb w:*
      03 add +Gv,Ev w:*
      04 add ab,Ib w:*
      05 add av,Iz w:*
      08 or +Eb,Gb lock w:*
      09 or +Ev,Gv lock w:*
      0A or +Gb,Eb w:*
      0B or +Gv,Ev w:*
      0C or ab,Ib w:*
      0D or av,Iz w:*
      10 adc +Eb,Gb lock r:c w:*
      11 adc +Ev,Gv lock r:c w:*
      12 adc +Gb,Eb r:c w:*
      13 adc +Gv,Ev r:c w:*
      14 adc ab,Ib r:c w:*
      15 adc av,Iz r:c w:*
      18 sbb +Eb,Gb lock r:c w:*
      19 sbb +Ev,Gv lock r:c w:*
      1A sbb +Gb,Eb r:c w:*
      1B sbb +Gv,Ev r:c w:*
      1C sbb ab,Ib r:c w:*
      1D sbb av,Iz r:c w:*
      20 and +Eb,Gb lock w:*
      21 and +Ev,Gv lock w:*
      22 and +Gb,Eb w:*
      23 and +Gv,Ev w:*
      24 and ab,Ib w:*
      25 and av,Iz w:*
      28 sub +Eb,Gb lock w:*
      29 sub +Ev,Gv lock w:*
      2A sub +Gb,Eb w:*
      2B sub +Gv,Ev w:*
      2C sub ab,Ib w:*
      2D sub av,Iz w:*
      30 xor +Eb,Gb lock w:*
      31 xor +Ev,Gv lock w:*
      32 xor +Gb,Eb w:*
      33 xor +Gv,Ev w:*
      34 xor ab,Ib w:*
      35 xor av,Iz w:*
      38 cmp Eb,Gb w:*
      39 cmp Ev,Gv w:*
      3A cmp Gb,Eb w:*
      3B cmp Gv,Ev w:*
      3C cmp ab,Ib w:*
      3D cmp av,Iz w:*
      80/0 add +Eb,Ib lock w:*
      80/1 or +Eb,Ib lock w:*
      80/2 adc +Eb,Ib lock r:c w:*
      80/3 sbb +Eb,Ib lock r:c w:*
      80/4 and +Eb,Ib lock w:*
      80/5 sub +Eb,Ib lock w:*
      80/6 xor +Eb,Ib lock w:*
      80/7 cmp Eb,Ib w:*
      81/0 add +Ev,Iz lock w:*
      81/1 or +Ev,Iz lock w:*
      81/2 adc +Ev,Iz lock r:c w:*
      81/3 sbb +Ev,Iz lock r:c w:*
      81/4 and +Ev,Iz lock w:*
      81/5 sub +Ev,Iz lock w:*
      81/6 xor +Ev,Iz lock w:*
      81/7 cmp Ev,Iz w:*
      83/0 add +Ev,Ib lock w:*
      83/1 or +Ev,Ib lock w:*
      83/2 adc +Ev,Ib lock r:c w:*
      83/3 sbb +Ev,Ib lock r:c w:*
      83/4 and +Ev,Ib lock w:*
      83/5 sub +Ev,Ib lock w:*
      83/6 xor +Ev,Ib lock w:*
      83/7 cmp Ev,Ib w:*
      50+ push Zv d64 PUSH
      58+ pop =Zv d64 POP
      63 movsxd =Gv,Ed
      68 push Iz d64 PUSH_IMMEDIATE
      69 imul =Gv,Ev,Iz w:oc c:*
      6A push Ib d64 PUSH_IMMEDIATE
      6B imul =Gv,Ev,Ib w:oc c:*
      6C ins =Yb,dw INS
      6D ins =Yz,dw INS
      6E outs dw,Xb OUTS
      6F outs dw,Xz OUTS
      70+c j Jb f64 JCC
      84 test Eb,Gb w:*
      85 test Ev,Gv w:*
      86 xchg +Eb,+Gb lock
      87 xchg +Ev,+Gv lock
      88 mov =Eb,Gb
      89 mov =Ev,Gv
      8A mov =Gb,Eb
      8B mov =Gv,Ev
      8C mov =Ev/w,Sw MOV_FROM_SEGMENT segment
      8D lea =Gv,Mn LEA
      8E mov =Sw,Ev/w MOV_TO_SEGMENT segmentload
      8F/0 pop =Ev d64 POP
      F3.90 pause - B0 PAUSE
      90 nop - B0 NOP
      90+ xchg +Zv,av
      98 cdqe - W1
      98 cbw - o16
      98 cwde -
      99 cqo - W1
      99 cwd - o16
      99 cdq -
      9B fwait - fpu
      9C pushf - d64 r:* PUSHF
      9D popf - d64 w:* POPF
      9E sahf - w:szapc @LAHF_LM
      9F lahf - r:szapc @LAHF_LM
      A0 mov =ab,Ob MOV_MOFFS
      A1 mov =av,Ov MOV_MOFFS
      A2 mov =Ob,ab MOV_MOFFS
      A3 mov =Ov,av MOV_MOFFS
      A4 movs =Yb,Xb MOVS
      A5 movs =Yv,Xv MOVS
      A6 cmps Xb,Yb c:* CMPS
      A7 cmps Xv,Yv c:* CMPS
      A8 test ab,Ib w:*
      A9 test av,Iz w:*
      AA stos =Yb,ab STOS
      AB stos =Yv,av STOS
      AC lods ab,Xb LODS
      AD lods av,Xv LODS
      AE scas ab,Yb c:* SCAS
      AF scas av,Yv c:* SCAS
      B0+ mov =Zb,Ib
      B8+ mov =Zv,Iv
      C0/0 rol +Eb,Ib w:oc count
      C0/1 ror +Eb,Ib w:oc count
      C0/2 rcl +Eb,Ib r:c w:oc count
      C0/3 rcr +Eb,Ib r:c w:oc count
      C0/4 shl +Eb,Ib w:* count
      C0/5 shr +Eb,Ib w:* count
      C0/6 shl +Eb,Ib w:* count
      C0/7 sar +Eb,Ib w:* count
      C1/0 rol +Ev,Ib w:oc count
      C1/1 ror +Ev,Ib w:oc count
      C1/2 rcl +Ev,Ib r:c w:oc count
      C1/3 rcr +Ev,Ib r:c w:oc count
      C1/4 shl +Ev,Ib w:* count
      C1/5 shr +Ev,Ib w:* count
      C1/6 shl +Ev,Ib w:* count
      C1/7 sar +Ev,Ib w:* count
      D0/0 rol +Eb,1n w:oc
      D0/1 ror +Eb,1n w:oc
      D0/2 rcl +Eb,1n r:c w:oc
      D0/3 rcr +Eb,1n r:c w:oc
      D0/4 shl +Eb,1n w:*
      D0/5 shr +Eb,1n w:*
      D0/6 shl +Eb,1n w:*
      D0/7 sar +Eb,1n w:*
      D1/0 rol +Ev,1n w:oc
      D1/1 ror +Ev,1n w:oc
      D1/2 rcl +Ev,1n r:c w:oc
      D1/3 rcr +Ev,1n r:c w:oc
      D1/4 shl +Ev,1n w:*
      D1/5 shr +Ev,1n w:*
      D1/6 shl +Ev,1n w:*
      D1/7 sar +Ev,1n w:*
      D2/0 rol +Eb,cb c:oc SHIFT_CL
      D2/1 ror +Eb,cb c:oc SHIFT_CL
      D2/2 rcl +Eb,cb r:c c:oc SHIFT_CL
      D2/3 rcr +Eb,cb r:c c:oc SHIFT_CL
      D2/4 shl +Eb,cb c:* SHIFT_CL
      D2/5 shr +Eb,cb c:* SHIFT_CL
      D2/6 shl +Eb,cb c:* SHIFT_CL
      D2/7 sar +Eb,cb c:* SHIFT_CL
      D3/0 rol +Ev,cb c:oc SHIFT_CL
      D3/1 ror +Ev,cb c:oc SHIFT_CL
      D3/2 rcl +Ev,cb r:c c:oc SHIFT_CL
      D3/3 rcr +Ev,cb r:c c:oc SHIFT_CL
      D3/4 shl +Ev,cb c:* SHIFT_CL
      D3/5 shr +Ev,cb c:* SHIFT_CL
      D3/6 shl +Ev,cb c:* SHIFT_CL
      D3/7 sar +Ev,cb c:* SHIFT_CL
      C2 ret Iw f64 RET
      C3 ret - f64 RET
      C6/0 mov =Eb,Ib
      C7/0 mov =Ev,Iz
      C8 enter Iw,Ib d64 ENTER
      C9 leave - d64 LEAVE
      CA retf Iw RET_FAR
      CB retf - RET_FAR
      CC int3 - r:* INT3
      CD int Ib r:* INT
      CF iret - w:* IRET
      D7 xlat ib XLAT
      E0 loopne Jb f64 r:z LOOP
      E1 loope Jb f64 r:z LOOP
      E2 loop Jb f64 LOOP
      E3 jrcxz Jb f64 JRCXZ
      E4 in ab,Ib IN
      E5 in az,Ib IN
      E6 out Ib,ab OUT
      E7 out Ib,az OUT
      E8 call Jz f64 CALL_RELATIVE
      E9 jmp Jz f64 JMP_RELATIVE
      EB jmp Jb f64 JMP_RELATIVE
      EC in ab,dw IN
      ED in az,dw IN
      EE out dw,ab OUT
      EF out dw,az OUT
      F1 int1 - r:* INT1
      F4 hlt - HLT
      F5 cmc - r:c w:c
      F6/0 test Eb,Ib w:*
      F6/1 test Eb,Ib w:*
      F6/2 not +Eb lock
      F6/3 neg +Eb lock w:*
      F6/4 mul Eb w:oc c:*
      F6/5 imul Eb w:oc c:*
      F6/6 div Eb c:*
      F6/7 idiv Eb c:*
      F7/0 test Ev,Iz w:*
      F7/1 test Ev,Iz w:*
      F7/2 not +Ev lock
      F7/3 neg +Ev lock w:*
      F7/4 mul Ev w:oc c:*
      F7/5 imul Ev w:oc c:*
      F7/6 div Ev c:*
      F7/7 idiv Ev c:*
      F8 clc - w:c
      F9 stc - w:c
      FA cli - CLI
      FB sti - STI
      FC cld - CLD
      FD std - STD
      FE/0 inc +Eb lock w:oszap
      FE/1 dec +Eb lock w:oszap
      FF/0 inc +Ev lock w:oszap
      FF/1 dec +Ev lock w:oszap
      FF/2 call Ev f64 CALL_INDIRECT
      FF/3 call Mp CALL_FAR
      FF/4 jmp Ev f64 JMP_INDIRECT
      FF/5 jmp Mp JMP_FAR
      FF/6 push Ev d64 PUSH
      0F0D/0 prefetch Mb/n NOP
      0F0D/1 prefetchw Mb/n NOP
      0F0D/2 prefetchwt1 Mb/n NOP
      0F0D prefetch Mb/n NOP
      0F0D nop Ev/n NOP
      0F18/0 prefetchnta Mb/n NOP
      0F18/1 prefetcht0 Mb/n NOP
      0F18/2 prefetcht1 Mb/n NOP
      0F18/3 prefetcht2 Mb/n NOP
      0F18 nop Ev/n NOP
      0F19 nop Ev/n NOP
      0F1A nop Ev/n NOP
      0F1B nop Ev/n NOP
      0F1C nop Ev/n NOP
      0F1D nop Ev/n NOP
      F3.0F1E:FA endbr64 - NOP
      F3.0F1E:FB endbr32 - NOP
      0F1E nop Ev/n NOP
      0F1F nop Ev/n NOP
      0F40+c cmov +Gv,Ev
      0F80+c j Jz f64 JCC
      0F90+c set =Eb
      0FA0 push fw d64 PUSH_SEGMENT
      0FA1 pop =fw d64 POP_SEGMENT
      0FA2 cpuid - CPUID
      0FA3 bt Ev,Gv w:c c:oszapc BIT_OFFSET
      0FA4 shld +Ev,Gv,Ib w:* count
      0FA5 shld +Ev,Gv,cb c:* SHIFT_CL
      0FA8 push gw d64 PUSH_SEGMENT
      0FA9 pop =gw d64 POP_SEGMENT
      0FAB bts +Ev,Gv lock w:c c:oszapc BIT_OFFSET
      0FAC shrd +Ev,Gv,Ib w:* count
      0FAD shrd +Ev,Gv,cb c:* SHIFT_CL
      0FAF imul +Gv,Ev w:oc c:*
      0FB0 cmpxchg +Eb,Gb lock w:*
      0FB1 cmpxchg +Ev,Gv lock w:*
      0FB2 lss =Gv,Mp LOAD_FAR_POINTER
      0FB3 btr +Ev,Gv lock w:c c:oszapc BIT_OFFSET
      0FB4 lfs =Gv,Mp LOAD_FAR_POINTER
      0FB5 lgs =Gv,Mp LOAD_FAR_POINTER
      0FB6 movzx =Gv,Eb
      0FB7 movzx =Gv,Ew
      F3.0FB8 popcnt =Gv,Ev w:* @POPCNT
      0FBA/4 bt Ev,Ib w:c c:oszapc
      0FBA/5 bts +Ev,Ib lock w:c c:oszapc
      0FBA/6 btr +Ev,Ib lock w:c c:oszapc
      0FBA/7 btc +Ev,Ib lock w:c c:oszapc
      0FBB btc +Ev,Gv lock w:c c:oszapc BIT_OFFSET
      F3.0FBC tzcnt =Gv,Ev w:zc c:* @BMI1
      0FBC bsf +Gv,Ev w:z c:*
      F3.0FBD lzcnt =Gv,Ev w:zc c:* @LZCNT
      0FBD bsr +Gv,Ev w:z c:*
      0FBE movsx =Gv,Eb
      0FBF movsx =Gv,Ew
      0FC0 xadd +Eb,+Gb lock w:*
      0FC1 xadd +Ev,+Gv lock w:*
      NP.0FC3 movnti =My,Gy
      0FC7/1 cmpxchg16b +Mo W1 lock w:z CMPXCHG_PAIR @CMPXCHG16B
      0FC7/1 cmpxchg8b +Mq lock w:z CMPXCHG_PAIR
      NF.0FC7/6 rdrand =Rv w:* @RDRAND
      NF.0FC7/7 rdseed =Rv w:* @RDSEED
      0FC8+ bswap +Zv
      NF.0F38F0 movbe =Gv,Mv @MOVBE
      NF.0F38F1 movbe =Mv,Gv @MOVBE
      F2.0F38F0 crc32 +Gq,Eb W1 @SSE4_2
      F2.0F38F0 crc32 +Gd,Eb @SSE4_2
      F2.0F38F1 crc32 +Gq,Ev W1 @SSE4_2
      F2.0F38F1 crc32 +Gd,Ev @SSE4_2
      66.0F38F6 adcx +Gy,Ey r:c w:c @ADX
      F3.0F38F6 adox +Gy,Ey r:o w:o @ADX
      [BMI1]
      V0F38F2 andn =Gy,By,Ey L0 w:*
      V0F38F3/1 blsr =By,Ey L0 w:*
      V0F38F3/2 blsmsk =By,Ey L0 w:*
      V0F38F3/3 blsi =By,Ey L0 w:*
      V0F38F7 bextr =Gy,Ey,By L0 w:*
      [BMI2]
      V0F38F5 bzhi =Gy,Ey,By L0 w:*
      VF3.0F38F5 pext =Gy,By,Ey L0
      VF2.0F38F5 pdep =Gy,By,Ey L0
      VF2.0F38F6 mulx =Gy,=By,Ey L0
      V66.0F38F7 shlx =Gy,Ey,By L0
      VF3.0F38F7 sarx =Gy,Ey,By L0
      VF2.0F38F7 shrx =Gy,Ey,By L0
      VF2.0F3AF0 rorx =Gy,Ey,Ib L0
      """;

  private IntegerOpcodes() {}
}
