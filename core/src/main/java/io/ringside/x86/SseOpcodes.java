package io.ringside.x86;

/**
 * MMX, SSE to SSE4.2, SSE4A, AES, PCLMULQDQ, SHA and GFNI (Intel SDM volume 2; AMD APM volumes 4 and 5), and those
 * VEX-encoded forms that follow from them by rule (attributes vp, vi, vs and v0). The notation is explained at
 * {@link OpcodeRow}.
 */
final class SseOpcodes {
  static final String TEXT =
      """
      [BASE]
      NP.0F10 movups =Vo,Wo vp
      66.0F10 movupd =Vo,Wo vp
      F3.0F10 movss =Vd,Md vs
      F3.0F10 movss +Vd,Ud vs
      F2.0F10 movsd =Vq,Mq vs
      F2.0F10 movsd +Vq,Uq vs
      NP.0F11 movups =Wo,Vo vp
      66.0F11 movupd =Wo,Vo vp
      F3.0F11 movss =Md,Vd vs
      F3.0F11 movss +Ud,Vd vs
      F2.0F11 movsd =Mq,Vq vs
      F2.0F11 movsd +Uq,Vq vs
      NP.0F12 movlps +Vo,Mq v0
      NP.0F12 movhlps +Vo,Uo v0
      66.0F12 movlpd +Vo,Mq v0
      F3.0F12 movsldup =Vo,Wo vp @SSE3
      F2.0F12 movddup =Vo,Wq v0 @SSE3
      NP.0F13 movlps =Mq,Vo v0
      66.0F13 movlpd =Mq,Vo v0
      NP.0F14 unpcklps +Vo,Wo vp
      66.0F14 unpcklpd +Vo,Wo vp
      NP.0F15 unpckhps +Vo,Wo vp
      66.0F15 unpckhpd +Vo,Wo vp
      NP.0F16 movhps +Vo,Mq v0
      NP.0F16 movlhps +Vo,Uo v0
      66.0F16 movhpd +Vo,Mq v0
      F3.0F16 movshdup =Vo,Wo vp @SSE3
      NP.0F17 movhps =Mq,Vo v0
      66.0F17 movhpd =Mq,Vo v0
      NP.0F28 movaps =Vo,Wo vp
      66.0F28 movapd =Vo,Wo vp
      NP.0F29 movaps =Wo,Vo vp
      66.0F29 movapd =Wo,Vo vp
      NP.0F2A cvtpi2ps +Vo,Qq
      66.0F2A cvtpi2pd =Vo,Qq
      F3.0F2A cvtsi2ss +Vd,Ey vs
      F2.0F2A cvtsi2sd +Vq,Ey vs
      NP.0F2B movntps =Mo,Vo vp
      66.0F2B movntpd =Mo,Vo vp
      F3.0F2B movntss =Md,Vd @SSE4A
      F2.0F2B movntsd =Mq,Vq @SSE4A
      NP.0F2C cvttps2pi =Pq,Wq
      66.0F2C cvttpd2pi =Pq,Wo
      F3.0F2C cvttss2si =Gy,Wd vs
      F2.0F2C cvttsd2si =Gy,Wq vs
      NP.0F2D cvtps2pi =Pq,Wq
      66.0F2D cvtpd2pi =Pq,Wo
      F3.0F2D cvtss2si =Gy,Wd vs
      F2.0F2D cvtsd2si =Gy,Wq vs
      NP.0F2E ucomiss Vd,Wd vs w:*
      66.0F2E ucomisd Vq,Wq vs w:*
      NP.0F2F comiss Vd,Wd vs w:*
      66.0F2F comisd Vq,Wq vs w:*
      NP.0F50 movmskps =Gd,Uo vp
      66.0F50 movmskpd =Gd,Uo vp
      NP.0F51 sqrtps =Vo,Wo vp
      66.0F51 sqrtpd =Vo,Wo vp
      F3.0F51 sqrtss +Vd,Wd vs
      F2.0F51 sqrtsd +Vq,Wq vs
      NP.0F52 rsqrtps =Vo,Wo vp
      F3.0F52 rsqrtss +Vd,Wd vs
      NP.0F53 rcpps =Vo,Wo vp
      F3.0F53 rcpss +Vd,Wd vs
      NP.0F54 andps +Vo,Wo vp
      66.0F54 andpd +Vo,Wo vp
      NP.0F55 andnps +Vo,Wo vp
      66.0F55 andnpd +Vo,Wo vp
      NP.0F56 orps +Vo,Wo vp
      66.0F56 orpd +Vo,Wo vp
      NP.0F57 xorps +Vo,Wo vp
      66.0F57 xorpd +Vo,Wo vp
      NP.0F58 addps +Vo,Wo vp
      66.0F58 addpd +Vo,Wo vp
      F3.0F58 addss +Vd,Wd vs
      F2.0F58 addsd +Vq,Wq vs
      NP.0F59 mulps +Vo,Wo vp
      66.0F59 mulpd +Vo,Wo vp
      F3.0F59 mulss +Vd,Wd vs
      F2.0F59 mulsd +Vq,Wq vs
      NP.0F5A cvtps2pd =Vo,Wh vp
      66.0F5A cvtpd2ps =Vk,Wo vp
      F3.0F5A cvtss2sd +Vq,Wd vs
      F2.0F5A cvtsd2ss +Vd,Wq vs
      NP.0F5B cvtdq2ps =Vo,Wo vp
      66.0F5B cvtps2dq =Vo,Wo vp
      F3.0F5B cvttps2dq =Vo,Wo vp
      NP.0F5C subps +Vo,Wo vp
      66.0F5C subpd +Vo,Wo vp
      F3.0F5C subss +Vd,Wd vs
      F2.0F5C subsd +Vq,Wq vs
      NP.0F5D minps +Vo,Wo vp
      66.0F5D minpd +Vo,Wo vp
      F3.0F5D minss +Vd,Wd vs
      F2.0F5D minsd +Vq,Wq vs
      NP.0F5E divps +Vo,Wo vp
      66.0F5E divpd +Vo,Wo vp
      F3.0F5E divss +Vd,Wd vs
      F2.0F5E divsd +Vq,Wq vs
      NP.0F5F maxps +Vo,Wo vp
      66.0F5F maxpd +Vo,Wo vp
      F3.0F5F maxss +Vd,Wd vs
      F2.0F5F maxsd +Vq,Wq vs
      NP.0F60 punpcklbw +Pq,Qd
      66.0F60 punpcklbw +Vo,Wo vi
      NP.0F61 punpcklwd +Pq,Qd
      66.0F61 punpcklwd +Vo,Wo vi
      NP.0F62 punpckldq +Pq,Qd
      66.0F62 punpckldq +Vo,Wo vi
      66.0F63 packsswb +Vo,Wo mmx vi
      66.0F64 pcmpgtb +Vo,Wo mmx vi
      66.0F65 pcmpgtw +Vo,Wo mmx vi
      66.0F66 pcmpgtd +Vo,Wo mmx vi
      66.0F67 packuswb +Vo,Wo mmx vi
      66.0F68 punpckhbw +Vo,Wo mmx vi
      66.0F69 punpckhwd +Vo,Wo mmx vi
      66.0F6A punpckhdq +Vo,Wo mmx vi
      66.0F6B packssdw +Vo,Wo mmx vi
      66.0F6C punpcklqdq +Vo,Wo vi
      66.0F6D punpckhqdq +Vo,Wo vi
      NP.0F6E movq =Pq,Eq W1
      NP.0F6E movd =Pq,Ed W0
      66.0F6E movq =Vo,Eq W1 v0
      66.0F6E movd =Vo,Ed W0 v0
      NP.0F6F movq =Pq,Qq
      66.0F6F movdqa =Vo,Wo vp
      F3.0F6F movdqu =Vo,Wo vp
      NP.0F70 pshufw =Pq,Qq,Ib
      66.0F70 pshufd =Vo,Wo,Ib vi
      F3.0F70 pshufhw =Vo,Wo,Ib vi
      F2.0F70 pshuflw =Vo,Wo,Ib vi
      66.0F71/2 psrlw +Uo,Ib mmx vi
      66.0F71/4 psraw +Uo,Ib mmx vi
      66.0F71/6 psllw +Uo,Ib mmx vi
      66.0F72/2 psrld +Uo,Ib mmx vi
      66.0F72/4 psrad +Uo,Ib mmx vi
      66.0F72/6 pslld +Uo,Ib mmx vi
      66.0F73/2 psrlq +Uo,Ib mmx vi
      66.0F73/3 psrldq +Uo,Ib vi
      66.0F73/6 psllq +Uo,Ib mmx vi
      66.0F73/7 pslldq +Uo,Ib vi
      66.0F74 pcmpeqb +Vo,Wo mmx vi
      66.0F75 pcmpeqw +Vo,Wo mmx vi
      66.0F76 pcmpeqd +Vo,Wo mmx vi
      NP.0F77 emms - fpu
      66.0F78/0 extrq +Uo,Ib,Ib @SSE4A
      66.0F79 extrq +Vo,Uo @SSE4A
      F2.0F78 insertq +Vo,Uo,Ib,Ib @SSE4A
      F2.0F79 insertq +Vo,Uo @SSE4A
      66.0F7C haddpd +Vo,Wo vp @SSE3
      F2.0F7C haddps +Vo,Wo vp @SSE3
      66.0F7D hsubpd +Vo,Wo vp @SSE3
      F2.0F7D hsubps +Vo,Wo vp @SSE3
      NP.0F7E movq =Eq,Pq W1
      NP.0F7E movd =Ed,Pq W0
      66.0F7E movq =Eq,Vo W1 v0
      66.0F7E movd =Ed,Vo W0 v0
      F3.0F7E movq =Vo,Wq v0
      NP.0F7F movq =Qq,Pq
      66.0F7F movdqa =Wo,Vo vp
      F3.0F7F movdqu =Wo,Vo vp
      NP.0FAE/2 ldmxcsr Md v0
      NP.0FAE/3 stmxcsr =Md v0
      NP.0FC2 cmpps +Vo,Wo,Ib vp
      66.0FC2 cmppd +Vo,Wo,Ib vp
      F3.0FC2 cmpss +Vd,Wd,Ib vs
      F2.0FC2 cmpsd +Vq,Wq,Ib vs
      NP.0FC4 pinsrw +Pq,Ed/w,Ib
      66.0FC4 pinsrw +Vo,Ed/w,Ib v0
      NP.0FC5 pextrw =Gd,Nq,Ib
      66.0FC5 pextrw =Gd,Uo,Ib v0
      NP.0FC6 shufps +Vo,Wo,Ib vp
      66.0FC6 shufpd +Vo,Wo,Ib vp
      66.0FD0 addsubpd +Vo,Wo vp @SSE3
      F2.0FD0 addsubps +Vo,Wo vp @SSE3
      66.0FD1 psrlw +Vo,Wk mmx vi
      66.0FD2 psrld +Vo,Wk mmx vi
      66.0FD3 psrlq +Vo,Wk mmx vi
      66.0FD4 paddq +Vo,Wo mmx vi
      66.0FD5 pmullw +Vo,Wo mmx vi
      66.0FD6 movq =Wq,Vo v0
      F3.0FD6 movq2dq =Vo,Nq
      F2.0FD6 movdq2q =Pq,Uo
      NP.0FD7 pmovmskb =Gd,Nq
      66.0FD7 pmovmskb =Gd,Uo vi
      66.0FD8 psubusb +Vo,Wo mmx vi
      66.0FD9 psubusw +Vo,Wo mmx vi
      66.0FDA pminub +Vo,Wo mmx vi
      66.0FDB pand +Vo,Wo mmx vi
      66.0FDC paddusb +Vo,Wo mmx vi
      66.0FDD paddusw +Vo,Wo mmx vi
      66.0FDE pmaxub +Vo,Wo mmx vi
      66.0FDF pandn +Vo,Wo mmx vi
      66.0FE0 pavgb +Vo,Wo mmx vi
      66.0FE1 psraw +Vo,Wk mmx vi
      66.0FE2 psrad +Vo,Wk mmx vi
      66.0FE3 pavgw +Vo,Wo mmx vi
      66.0FE4 pmulhuw +Vo,Wo mmx vi
      66.0FE5 pmulhw +Vo,Wo mmx vi
      66.0FE6 cvttpd2dq =Vk,Wo vp
      F3.0FE6 cvtdq2pd =Vo,Wh vp
      F2.0FE6 cvtpd2dq =Vk,Wo vp
      NP.0FE7 movntq =Mq,Pq
      66.0FE7 movntdq =Mo,Vo vp
      66.0FE8 psubsb +Vo,Wo mmx vi
      66.0FE9 psubsw +Vo,Wo mmx vi
      66.0FEA pminsw +Vo,Wo mmx vi
      66.0FEB por +Vo,Wo mmx vi
      66.0FEC paddsb +Vo,Wo mmx vi
      66.0FED paddsw +Vo,Wo mmx vi
      66.0FEE pmaxsw +Vo,Wo mmx vi
      66.0FEF pxor +Vo,Wo mmx vi
      F2.0FF0 lddqu =Vo,Mo vp @SSE3
      66.0FF1 psllw +Vo,Wk mmx vi
      66.0FF2 pslld +Vo,Wk mmx vi
      66.0FF3 psllq +Vo,Wk mmx vi
      66.0FF4 pmuludq +Vo,Wo mmx vi
      66.0FF5 pmaddwd +Vo,Wo mmx vi
      66.0FF6 psadbw +Vo,Wo mmx vi
      NP.0FF7 maskmovq Pq,Nq MASKMOV
      66.0FF7 maskmovdqu Vo,Uo v0 MASKMOV
      66.0FF8 psubb +Vo,Wo mmx vi
      66.0FF9 psubw +Vo,Wo mmx vi
      66.0FFA psubd +Vo,Wo mmx vi
      66.0FFB psubq +Vo,Wo mmx vi
      66.0FFC paddb +Vo,Wo mmx vi
      66.0FFD paddw +Vo,Wo mmx vi
      66.0FFE paddd +Vo,Wo mmx vi
      [SSSE3]
      66.0F3800 pshufb +Vo,Wo mmx vi
      66.0F3801 phaddw +Vo,Wo mmx vi
      66.0F3802 phaddd +Vo,Wo mmx vi
      66.0F3803 phaddsw +Vo,Wo mmx vi
      66.0F3804 pmaddubsw +Vo,Wo mmx vi
      66.0F3805 phsubw +Vo,Wo mmx vi
      66.0F3806 phsubd +Vo,Wo mmx vi
      66.0F3807 phsubsw +Vo,Wo mmx vi
      66.0F3808 psignb +Vo,Wo mmx vi
      66.0F3809 psignw +Vo,Wo mmx vi
      66.0F380A psignd +Vo,Wo mmx vi
      66.0F380B pmulhrsw +Vo,Wo mmx vi
      66.0F381C pabsb =Vo,Wo mmx vi
      66.0F381D pabsw =Vo,Wo mmx vi
      66.0F381E pabsd =Vo,Wo mmx vi
      66.0F3A0F palignr +Vo,Wo,Ib mmx vi
      [SSE4_1]
      66.0F3810 pblendvb +Vo,Wo,xo
      66.0F3814 blendvps +Vo,Wo,xo
      66.0F3815 blendvpd +Vo,Wo,xo
      66.0F3817 ptest Vo,Wo vp w:*
      66.0F3820 pmovsxbw =Vo,Wh vi
      66.0F3821 pmovsxbd =Vo,Wf vi
      66.0F3822 pmovsxbq =Vo,We vi
      66.0F3823 pmovsxwd =Vo,Wh vi
      66.0F3824 pmovsxwq =Vo,Wf vi
      66.0F3825 pmovsxdq =Vo,Wh vi
      66.0F3828 pmuldq +Vo,Wo vi
      66.0F3829 pcmpeqq +Vo,Wo vi
      66.0F382A movntdqa =Vo,Mo vi
      66.0F382B packusdw +Vo,Wo vi
      66.0F3830 pmovzxbw =Vo,Wh vi
      66.0F3831 pmovzxbd =Vo,Wf vi
      66.0F3832 pmovzxbq =Vo,We vi
      66.0F3833 pmovzxwd =Vo,Wh vi
      66.0F3834 pmovzxwq =Vo,Wf vi
      66.0F3835 pmovzxdq =Vo,Wh vi
      66.0F3837 pcmpgtq +Vo,Wo vi @SSE4_2
      66.0F3838 pminsb +Vo,Wo vi
      66.0F3839 pminsd +Vo,Wo vi
      66.0F383A pminuw +Vo,Wo vi
      66.0F383B pminud +Vo,Wo vi
      66.0F383C pmaxsb +Vo,Wo vi
      66.0F383D pmaxsd +Vo,Wo vi
      66.0F383E pmaxuw +Vo,Wo vi
      66.0F383F pmaxud +Vo,Wo vi
      66.0F3840 pmulld +Vo,Wo vi
      66.0F3841 phminposuw =Vo,Wo v0
      66.0F3A08 roundps =Vo,Wo,Ib vp
      66.0F3A09 roundpd =Vo,Wo,Ib vp
      66.0F3A0A roundss +Vd,Wd,Ib vs
      66.0F3A0B roundsd +Vq,Wq,Ib vs
      66.0F3A0C blendps +Vo,Wo,Ib vp
      66.0F3A0D blendpd +Vo,Wo,Ib vp
      66.0F3A0E pblendw +Vo,Wo,Ib vi
      66.0F3A14 pextrb =Ed/b,Vo,Ib v0
      66.0F3A15 pextrw =Ed/w,Vo,Ib v0
      66.0F3A16 pextrq =Eq,Vo,Ib W1 v0
      66.0F3A16 pextrd =Ed,Vo,Ib W0 v0
      66.0F3A17 extractps =Ed,Vo,Ib v0
      66.0F3A20 pinsrb +Vo,Ed/b,Ib v0
      66.0F3A21 insertps +Vo,Wd,Ib v0
      66.0F3A22 pinsrq +Vo,Eq,Ib W1 v0
      66.0F3A22 pinsrd +Vo,Ed,Ib W0 v0
      66.0F3A40 dpps +Vo,Wo,Ib vp
      66.0F3A41 dppd +Vo,Wo,Ib v0
      66.0F3A42 mpsadbw +Vo,Wo,Ib vi
      [SSE4_2]
      66.0F3A60 pcmpestrm Vo,Wo,Ib v0 w:*
      66.0F3A61 pcmpestri Vo,Wo,Ib v0 w:* PCMPSTRI
      66.0F3A62 pcmpistrm Vo,Wo,Ib v0 w:*
      66.0F3A63 pcmpistri Vo,Wo,Ib v0 w:* PCMPSTRI
      [PCLMULQDQ]
      66.0F3A44 pclmulqdq +Vo,Wo,Ib
      V66.0F3A44 vpclmulqdq =Vo,Ho,Wo,Ib L0
      V66.0F3A44 vpclmulqdq =Vx,Hx,Wx,Ib L1 @VPCLMULQDQ
      [AES]
      66.0F38DB aesimc =Vo,Wo
      66.0F38DC aesenc +Vo,Wo
      66.0F38DD aesenclast +Vo,Wo
      66.0F38DE aesdec +Vo,Wo
      66.0F38DF aesdeclast +Vo,Wo
      66.0F3ADF aeskeygenassist =Vo,Wo,Ib
      V66.0F38DB vaesimc =Vo,Wo L0
      V66.0F38DC vaesenc =Vo,Ho,Wo L0
      V66.0F38DD vaesenclast =Vo,Ho,Wo L0
      V66.0F38DE vaesdec =Vo,Ho,Wo L0
      V66.0F38DF vaesdeclast =Vo,Ho,Wo L0
      V66.0F3ADF vaeskeygenassist =Vo,Wo,Ib L0
      [VAES]
      V66.0F38DC vaesenc =Vx,Hx,Wx L1
      V66.0F38DD vaesenclast =Vx,Hx,Wx L1
      V66.0F38DE vaesdec =Vx,Hx,Wx L1
      V66.0F38DF vaesdeclast =Vx,Hx,Wx L1
      [SHA]
      NP.0F38C8 sha1nexte +Vo,Wo
      NP.0F38C9 sha1msg1 +Vo,Wo
      NP.0F38CA sha1msg2 +Vo,Wo
      NP.0F38CB sha256rnds2 +Vo,Wo,xo
      NP.0F38CC sha256msg1 +Vo,Wo
      NP.0F38CD sha256msg2 +Vo,Wo
      NP.0F3ACC sha1rnds4 +Vo,Wo,Ib
      [GFNI]
      66.0F38CF gf2p8mulb +Vo,Wo
      66.0F3ACE gf2p8affineqb +Vo,Wo,Ib
      66.0F3ACF gf2p8affineinvqb +Vo,Wo,Ib
      V66.0F38CF vgf2p8mulb =Vx,Hx,Wx W0
      V66.0F3ACE vgf2p8affineqb =Vx,Hx,Wx,Ib W1
      V66.0F3ACF vgf2p8affineinvqb =Vx,Hx,Wx,Ib W1
      """;

  private SseOpcodes() {}
}
