package io.ringside.x86;

/**
 * The x87 instructions: escapes D8 to DF with memory operands and with register forms, the aliases that processors
 * execute without documenting them (Intel SDM volume 2, table and their footnotes) included. The notation
 * is explained at {@link OpcodeRow}.
 */
final class X87Opcodes {
  static final String TEXT =
      """
      [BASE]
      D8/0 fadd Md fpu
      D8/1 fmul Md fpu
      D8/2 fcom Md fpu
      D8/3 fcomp Md fpu
      D8/4 fsub Md fpu
      D8/5 fsubr Md fpu
      D8/6 fdiv Md fpu
      D8/7 fdivr Md fpu
      D8/0 fadd sn,Tn fpu
      D8/1 fmul sn,Tn fpu
      D8/2 fcom Tn fpu
      D8/3 fcomp Tn fpu
      D8/4 fsub sn,Tn fpu
      D8/5 fsubr sn,Tn fpu
      D8/6 fdiv sn,Tn fpu
      D8/7 fdivr sn,Tn fpu
      D9/0 fld Md fpu
      D9/2 fst =Md fpu
      D9/3 fstp =Md fpu
      D9/4 fldenv MN fpu
      D9/5 fldcw Mw fpu
      D9/6 fnstenv =MN fpu
      D9/7 fnstcw =Mw fpu
      D9/0 fld Tn fpu
      D9/1 fxch Tn fpu
      D9:D0 fnop - fpu
      D9/3 fstp1 Tn fpu
      D9:E0 fchs - fpu
      D9:E1 fabs - fpu
      D9:E4 ftst - fpu
      D9:E5 fxam - fpu
      D9:E8 fld1 - fpu
      D9:E9 fldl2t - fpu
      D9:EA fldl2e - fpu
      D9:EB fldpi - fpu
      D9:EC fldlg2 - fpu
      D9:ED fldln2 - fpu
      D9:EE fldz - fpu
      D9:F0 f2xm1 - fpu
      D9:F1 fyl2x - fpu
      D9:F2 fptan - fpu
      D9:F3 fpatan - fpu
      D9:F4 fxtract - fpu
      D9:F5 fprem1 - fpu
      D9:F6 fdecstp - fpu
      D9:F7 fincstp - fpu
      D9:F8 fprem - fpu
      D9:F9 fyl2xp1 - fpu
      D9:FA fsqrt - fpu
      D9:FB fsincos - fpu
      D9:FC frndint - fpu
      D9:FD fscale - fpu
      D9:FE fsin - fpu
      D9:FF fcos - fpu
      DA/0 fiadd Md fpu
      DA/1 fimul Md fpu
      DA/2 ficom Md fpu
      DA/3 ficomp Md fpu
      DA/4 fisub Md fpu
      DA/5 fisubr Md fpu
      DA/6 fidiv Md fpu
      DA/7 fidivr Md fpu
      DA/0 fcmovb sn,Tn fpu r:c
      DA/1 fcmove sn,Tn fpu r:z
      DA/2 fcmovbe sn,Tn fpu r:zc
      DA/3 fcmovu sn,Tn fpu r:p
      DA:E9 fucompp - fpu
      DB/0 fild Md fpu
      DB/1 fisttp =Md fpu @SSE3
      DB/2 fist =Md fpu
      DB/3 fistp =Md fpu
      DB/5 fld Mt fpu
      DB/7 fstp =Mt fpu
      DB/0 fcmovnb sn,Tn fpu r:c
      DB/1 fcmovne sn,Tn fpu r:z
      DB/2 fcmovnbe sn,Tn fpu r:zc
      DB/3 fcmovnu sn,Tn fpu r:p
      DB:E0 fneni - fpu
      DB:E1 fndisi - fpu
      DB:E2 fnclex - fpu
      DB:E3 fninit - fpu
      DB:E4 fnsetpm - fpu
      DB/5 fucomi sn,Tn fpu w:zpc c:oszapc
      DB/6 fcomi sn,Tn fpu w:zpc c:oszapc
      DC/0 fadd Mq fpu
      DC/1 fmul Mq fpu
      DC/2 fcom Mq fpu
      DC/3 fcomp Mq fpu
      DC/4 fsub Mq fpu
      DC/5 fsubr Mq fpu
      DC/6 fdiv Mq fpu
      DC/7 fdivr Mq fpu
      DC/0 fadd Tn,sn fpu
      DC/1 fmul Tn,sn fpu
      DC/2 fcom2 Tn fpu
      DC/3 fcomp3 Tn fpu
      DC/4 fsubr Tn,sn fpu
      DC/5 fsub Tn,sn fpu
      DC/6 fdivr Tn,sn fpu
      DC/7 fdiv Tn,sn fpu
      DD/0 fld Mq fpu
      DD/1 fisttp =Mq fpu @SSE3
      DD/2 fst =Mq fpu
      DD/3 fstp =Mq fpu
      DD/4 frstor MS fpu
      DD/6 fnsave =MS fpu
      DD/7 fnstsw =Mw fpu
      DD/0 ffree Tn fpu
      DD/1 fxch4 Tn fpu
      DD/2 fst Tn fpu
      DD/3 fstp Tn fpu
      DD/4 fucom Tn fpu
      DD/5 fucomp Tn fpu
      DE/0 fiadd Mw fpu
      DE/1 fimul Mw fpu
      DE/2 ficom Mw fpu
      DE/3 ficomp Mw fpu
      DE/4 fisub Mw fpu
      DE/5 fisubr Mw fpu
      DE/6 fidiv Mw fpu
      DE/7 fidivr Mw fpu
      DE/0 faddp Tn,sn fpu
      DE/1 fmulp Tn,sn fpu
      DE/2 fcomp5 Tn fpu
      DE:D9 fcompp - fpu
      DE/4 fsubrp Tn,sn fpu
      DE/5 fsubp Tn,sn fpu
      DE/6 fdivrp Tn,sn fpu
      DE/7 fdivp Tn,sn fpu
      DF/0 fild Mw fpu
      DF/1 fisttp =Mw fpu @SSE3
      DF/2 fist =Mw fpu
      DF/3 fistp =Mw fpu
      DF/4 fbld Mt fpu
      DF/5 fild Mq fpu
      DF/6 fbstp =Mt fpu
      DF/7 fistp =Mq fpu
      DF/0 ffreep Tn fpu
      DF/1 fxch7 Tn fpu
      DF/2 fstp8 Tn fpu
      DF/3 fstp9 Tn fpu
      DF:E0 fnstsw aw fpu
      DF/5 fucomip sn,Tn fpu w:zpc c:oszapc
      DF/6 fcomip sn,Tn fpu w:zpc c:oszapc
      """;

  private X87Opcodes() {}
}
